"""Titles of fine-tuned models."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import run
from napari_selfreg.engine.finetune import finetune
from napari_selfreg.engine.finetune_titles import LONGEST, making, tuned_title
from tests.engine.corrections import base_model, request

DAY = date(2026, 11, 21)


@given(st.text(min_size=1, max_size=300), st.integers(1, 10**6), st.integers(1, 10**4))
def test_a_title_fits_and_never_piles_up(base: str, images: int, number: int) -> None:
    ending = making(images, number, DAY)
    once = tuned_title(base, ending)
    assert len(once) <= LONGEST
    assert once.endswith(f", {ending}")
    again = tuned_title(once, making(images + 1, number + 1, DAY))
    assert again.count("version") == base[:LONGEST].count("version") + 1 or len(base) > 100


@pytest.mark.parametrize(
    "title",
    [
        "Glands",
        "Glands, fine-tuned",
        "Glands, fine-tuned, 1 image, 2026-01-02",
        "Glands, version 12, 30 images, 2026-01-02",
    ],
)
def test_what_a_base_was_made_of_is_not_repeated(title: str) -> None:
    assert tuned_title(title, making(1, 2, DAY)) == "Glands, version 2, 1 image, 2026-11-21"


def test_words_of_a_person_stay() -> None:
    title = "Glands, version for ward 3"
    assert tuned_title(title, making(2, 1, DAY)).startswith(f"{title}, version 1, 2 images")


def test_versions_differ_by_number_images_or_day() -> None:
    titles = {
        making(images, number, day)
        for images in (1, 2)
        for number in (None, 1, 2)
        for day in (DAY, date(2026, 11, 22))
    }
    assert len(titles) == 12


def test_the_card_says_images_and_day_or_what_was_asked_for(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    today = making(2)
    assert run(finetune(request(base, steps=1))).model.card.title == f"{base.card.title}, {today}"
    asked = run(finetune(request(base, steps=1, title="Ward 3")))
    assert asked.model.card.title == "Ward 3"


@pytest.mark.parametrize("title", ["", "x" * (LONGEST + 1)])
def test_a_title_that_no_card_may_have_is_refused_at_once(tmp_path: Path, title: str) -> None:
    with pytest.raises(BadInputError, match="title"):
        next(finetune(request(base_model(tmp_path), title=title)))


def test_titles_need_no_torch() -> None:
    code = (
        "import sys, napari_selfreg.engine.finetune_titles;"
        "assert not {'torch', 'monai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
