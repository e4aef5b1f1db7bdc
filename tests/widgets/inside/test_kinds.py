from __future__ import annotations

from napari_selfreg.widgets.inside.kinds import KINDS, PAIR, kind_of, layer_name


def test_names_say_block_kind_and_model() -> None:
    assert layer_name("D2", kind_of("energy"), "glands") == "D2 · energy · glands"
    assert layer_name("E1", kind_of("channel"), "a", (7,)) == "E1 · channel 7 · a"
    assert layer_name("B", PAIR, "a", (7, 3)) == "B · channels 7 + 3 · a"


def test_attention_carries_its_caveat_and_colours_have_ends() -> None:
    assert "Take care" in kind_of("attention").tip
    for kind in KINDS:
        assert kind.ends[0]
        assert bool(kind.ends[1]) == (kind.colormap is not None)
