"""What the card of a fine-tuned model says, inherits, and keeps to itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from napari_selfreg.core.verdict import verdict
from napari_selfreg.engine.finetune_card import Run, has_seen, tuned_card, valid_name
from napari_selfreg.engine.finetune_fields import Material
from napari_selfreg.engine.finetune_fit import FinetuneSettings
from napari_selfreg.io.card import Card
from tests.bundles import example_card, tiny_bundle

BASE, TUNED = (0.5, 0.6), (0.75, 0.85)


def run_of(**changes: Any) -> Run:
    known: dict[str, Any] = {
        "settings": FinetuneSettings(lambda_scr=0.1, seed=7),
        "material": Material([], [], 1234, ["a" * 64, "b" * 64], ["d", "e"]),
        "plan": [(10, 2), (5, 1)],
        "steps": 15,
        "best_step": 10,
        "seconds": 61.234,
        "verdict": verdict(BASE, TUNED),
        "base_scores": BASE,
        "tuned_scores": TUNED,
        "device": torch.device("cpu"),
    }
    return Run(**{**known, **changes})


def base_of(path: Path = Path("nowhere"), **changes: Any) -> Any:
    return SimpleNamespace(card=example_card(**changes), path=path)


def test_licence_scale_and_classes_are_inherited_and_scores_are_not() -> None:
    base = base_of(licence="LicenseRef-odd", research_only=True, um_per_px=[0.5, 0.5])
    card = tuned_card(base, run_of())
    for name in ("licence", "terms", "research_only", "um_per_px", "classes", "postprocessing"):
        assert getattr(card, name) == getattr(base.card, name)
    (record,) = card.metrics
    assert record.values["dice"].mean == pytest.approx(0.8)
    assert (record.n, record.lambda_scr) == (2, 0.1)
    assert "0.55" in record.note


def test_how_it_was_made_is_recorded() -> None:
    training = tuned_card(base_of(), run_of(rollbacks=1, continued=True)).training
    assert training["base"] == {"name": "tiny", "title": "Tiny glands"}
    assert training["plan"] == [[10, 2], [5, 1]]
    kept = ("steps", "best_step", "seconds", "batch", "rollbacks", "stopped", "continued")
    assert [training[name] for name in kept] == [15, 10, 61.2, 2, 1, False, True]
    assert training["threads"] == torch.get_num_threads()
    assert training["device"] == "cpu"
    assert training["instruction_set"]
    assert training["fields"]["count"] == 2
    assert training["fields"]["reviewed_pixels"] == 1234
    validation = training["validation"]
    assert (validation["base"], validation["tuned"]) == (0.55, 0.8)
    assert (validation["n"], validation["verdict"]) == (2, run_of().verdict.kind)


def test_nothing_scored_is_said_and_not_made_up() -> None:
    card = tuned_card(base_of(), run_of(base_scores=(), tuned_scores=()))
    assert card.metrics == ()
    assert card.training["validation"]["tuned"] is None


def test_a_base_on_disk_is_known_by_its_checksum(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path / "base.safetensors")
    record = tuned_card(base_of(path), run_of()).training["base"]
    assert len(record["sha256"]) == 64
    assert "sha256" not in tuned_card(base_of(tmp_path), run_of()).training["base"]


def test_no_path_and_no_name_of_a_picture(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path / "base.safetensors")
    text = tuned_card(base_of(path), run_of()).model_dump_json()
    assert str(tmp_path) not in text
    assert tmp_path.name not in text


def test_checksums_of_very_many_fields_fit_on_a_card() -> None:
    many = Material([], [], 1, ["c" * 64] * 900, [])
    fields = tuned_card(base_of(), run_of(material=many)).training["fields"]
    assert fields["count"] == 900
    assert len(fields["sha256"]) == 500


def test_the_recipe_of_the_base_is_kept_for_the_next_time() -> None:
    base = base_of(recipe={"target": {"contour_um": 2.0}, "finetune": {"seed": 1}})
    recipe = tuned_card(base, run_of()).recipe
    assert recipe["target"] == {"contour_um": 2.0}
    assert recipe["finetune"]["seed"] == 7
    assert recipe["finetune"]["augment"]


def test_a_tuned_model_can_be_tuned_again() -> None:
    first = tuned_card(base_of(), run_of())
    again = tuned_card(SimpleNamespace(card=first, path=Path("nowhere")), run_of())
    assert len(again.data) == len(first.data) + 1
    assert len(again.title) < len(first.title) + 10
    assert date.today().isoformat()[:4] in again.title
    assert Card.model_validate_json(again.model_dump_json()) == again


def test_a_person_may_name_it() -> None:
    card = tuned_card(base_of(), run_of(), name="Ward 3 / Crypts", title="Ward 3")
    assert (card.name, card.title) == ("ward-3-crypts", "Ward 3")


@given(st.text(max_size=100))
@example("0.CSV")
def test_any_name_becomes_one_that_a_card_may_have(wanted: str) -> None:
    name = valid_name(wanted)
    assert example_card(name=name).name == name
    assert valid_name(name) == name


def test_the_pictures_of_earlier_versions_are_remembered() -> None:
    first = tuned_card(base_of(), run_of())
    assert (has_seen(first, ["e", "x"]), has_seen(first, ["x"])) == (True, False)
    later = Material([], [], 1, ["c" * 64], ["f"])
    second = tuned_card(base_of(training=first.training), run_of(material=later))
    assert second.training["fields"]["pictures"] == ["f", "d", "e"]
    assert not has_seen(base_of().card, ["d"])
