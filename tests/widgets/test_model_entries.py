from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.engine.events import run
from napari_selfreg.widgets.model_entries import added_files, new_models, read_model, terms_of
from tests.widgets.fakes import make_card, write_model


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({}, "free use"),
        ({"research_only": True, "licence": "LicenseRef-Only"}, "research only"),
        ({"research_only": True, "licence": "CC-BY-NC-SA-4.0"}, "non-commercial"),
    ],
)
def test_terms_in_two_words(card: dict, words: str) -> None:
    assert terms_of(make_card(**card)) == words


def test_the_list_says_what_for_and_who_may(tmp_path: Path) -> None:
    assert read_model(write_model(tmp_path)).label == "Dark spots · free use"


def test_a_file_that_is_no_model_says_why_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"no")
    entry = read_model(path)
    assert entry.card is None
    assert entry.label == "bad (unusable)"
    assert "bad.safetensors" in entry.problem


def test_only_models_are_remembered(tmp_path: Path) -> None:
    good, bad = write_model(tmp_path), tmp_path / "bad.safetensors"
    bad.write_bytes(b"no")
    entries = run(new_models((good, bad)))
    assert [entry.card is not None for entry in entries] == [True, False]
    assert added_files() == [good.resolve()]
