from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.colormaps import ensure_colormap

from napari_selfreg.engine.inside_types import KINDS as ENGINE_KINDS
from napari_selfreg.widgets.inside.kinds import KINDS, PAIR, Kind, kind_of, layer_name


def test_names_say_block_kind_and_model() -> None:
    assert layer_name("D2", kind_of("energy"), "glands") == "D2 · energy · glands"
    assert layer_name("E1", kind_of("channel"), "a", (7,)) == "E1 · channel 7 · a"
    assert layer_name("B", PAIR, "a", (7, 3)) == "B · channels 7 + 3 · a"


def test_a_name_that_is_cut_still_tells_two_models_apart() -> None:
    made = [layer_name("E1", kind_of("scr"), f"glands-tuned-{n}", several=True) for n in (1, 2)]
    assert made[0] == "E1 · glands-tuned-1 · disagreement"
    assert made[0][:19] != made[1][:19]


def test_attention_carries_its_caveat_and_colours_have_ends() -> None:
    assert "Take care" in kind_of("attention").tip
    for kind in KINDS:
        assert kind.ends[0]
        assert bool(kind.ends[1]) == (kind.colormap is not None)


def test_every_kind_has_a_name_and_a_title_of_its_own() -> None:
    everything = (*KINDS, PAIR)
    for attribute in ("name", "title", "word", "tip"):
        said = [getattr(kind, attribute) for kind in everything]
        assert len(set(said)) == len(everything)
        assert all(said)
    assert [kind_of(kind.name) for kind in everything] == list(everything)


def test_the_engine_makes_every_kind_but_those_of_a_place() -> None:
    made = {kind.name for kind in KINDS} - {"similarity"}
    assert made == set(ENGINE_KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.colormap], ids=str)
def test_brighter_is_always_more(kind: Kind) -> None:
    ramp = ensure_colormap(kind.colormap).map(np.linspace(0, 1, 64))[:, :3]
    brightness = ramp @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(brightness) > -1e-3).all()
    assert brightness[-1] - brightness[0] > 0.5


@given(block=st.sampled_from(["E1", "B", "D4"]), kind=st.sampled_from(KINDS), model=st.text("ab-"))
def test_block_and_model_can_be_read_from_a_name(block: str, kind: Kind, model: str) -> None:
    first, word, last = layer_name(block, kind, model).split(" · ")
    assert (first, word, last) == (block, kind.word, model)


def test_an_unknown_kind_is_a_fault() -> None:
    with pytest.raises(KeyError, match="colour"):
        kind_of("colour")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_manual_explains_every_kind_under_its_title(kind: Kind) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "look-inside.md").read_text("utf-8")
    rows = [line.split("|")[1].strip() for line in manual.splitlines() if line.startswith("| ")]
    assert any(kind.title.startswith(row) for row in rows if row)


def test_layers_that_are_on_the_canvas_together_have_names_of_their_own() -> None:
    names = [
        layer_name(block, kind, model, channels)
        for block in ("E1", "D1")
        for model in ("a", "b")
        for kind, channels in (*((each, ()) for each in KINDS), (kind_of("channel"), (3,)))
    ]
    assert len(set(names)) == len(names)


def test_the_ends_of_two_channels_name_their_colours() -> None:
    low, high = PAIR.ends
    assert ("blue" in low, "yellow" in low, "green" in low, high) == (True, True, True, "")
    assert PAIR.colormap is None
    assert PAIR not in KINDS  # it is a click on a matrix, not an entry of the list
