from __future__ import annotations

import pytest

from napari_selfreg.engine.held_out import (
    CASES,
    PATIENTS,
    SLABS,
    SLABS_PROTOCOL,
    STRIPS,
    STRIPS_PROTOCOL,
)
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.widgets.card_view import CardDialog, card_html, summary
from tests.widgets.fakes import make_card

VALUE = {"mean": 0.9312, "low": 0.91, "high": 0.95}


def test_a_card_tells_what_a_person_must_know() -> None:
    card = make_card(
        separation="contour",
        data=({"name": "Spots 1", "licence": "CC0-1.0", "citation": "A & B 2020", "images": 12},),
        metrics=(
            {
                "protocol": "native",
                "split": "unseen patients",
                "n": 20,
                "values": {"dice": VALUE, "pq": VALUE},
                "lambda_scr": 0.015,
            },
            {"protocol": "native", "split": "unseen patients", "n": 20, "values": {"dice": VALUE}},
        ),
    )
    html = card_html(card)
    for text in (
        "Dark spots",
        "Made-up tissue",
        "Everything that is pale.",
        "touching ones separated",
        "CC-BY-4.0. Name the authors.",
        "Spots 1, 12 images, CC0-1.0. A &amp; B 2020",
        "This model: 20 images, unseen patients, original resolution",
        "For comparison, trained without self-regularization: 20 images",
        "0.931&nbsp;&nbsp;(0.910 to 0.950)",
    ):
        assert text in html


def test_scores_come_in_the_usual_order_with_sensible_digits() -> None:
    far = {"mean": 136.9954, "low": 64.874, "high": 222.735}
    values = {"aji": VALUE, "object_hausdorff": far, "new_score": VALUE, "dice": VALUE}
    record = {"protocol": "native", "split": "s", "n": 2, "values": values}
    html = card_html(make_card(metrics=(record,)))
    places = [html.index(name) for name in ("Dice", "Object Hausdorff", "AJI", "new_score")]
    assert places == sorted(places)
    assert "137.0&nbsp;&nbsp;(64.9 to 222.7)" in html


def test_scores_are_in_plain_words() -> None:
    record = {"split": PATIENTS, "n": 12, "values": {"dice": VALUE}}
    twin = "plain twin: same seed, schedule and split without SCR and IFD"
    html = card_html(
        make_card(
            metrics=(
                {**record, "protocol": "native", "lambda_scr": 0.1},
                {**record, "protocol": "uctransnet224", "note": twin},
            )
        )
    )
    assert "This model: 12 held-out images, original resolution" in html
    assert "12 held-out images, shrunk to 224 × 224 pixels" in html
    assert html.count("on new ones") == 1
    for jargon in ("protocol", "lambda", "twin", "native", "uctransnet", "seed"):
        assert jargon not in html


def test_decorrelation_alone_is_no_plain_twin() -> None:
    record = {"protocol": "native", "split": "s", "n": 2, "values": {"dice": VALUE}}
    own, plain = {**record, "lambda_decorrelation": 0.1}, record
    assert "This model: 2 images" in card_html(make_card(metrics=(own,)))
    assert "This model" not in card_html(make_card(metrics=(plain,)))


@pytest.mark.parametrize("name", sorted(bundled_models()))
def test_every_model_that_is_shipped_is_told_in_plain_words(name: str) -> None:
    card = read_card(bundled_models()[name])
    html = card_html(card)
    held_out = "images" if card.spatial_dims == 2 else "volumes"
    assert f"This model: {card.metrics[0].n} held-out {held_out}, original resolution" in html
    assert "protocol" not in html
    assert "lambda" not in html


def test_volumes_have_scores_by_class() -> None:
    names = ("dice", "dice_anterior", "hd95_mm", "surface_dice")
    values = dict.fromkeys(names, VALUE)
    note = "regularizers in training: dsd"
    facts = {"protocol": "native", "split": CASES, "note": note}
    html = card_html(make_card(metrics=({**facts, "n": 30, "values": values},)))
    assert "This model: 30 held-out volumes, original resolution" in html
    for title in ("Dice, anterior", "Distance of outlines, 95 % (mm)", "Outlines within 1 mm"):
        assert title in html
    assert "trained without self-regularization" not in html


@pytest.mark.parametrize(
    ("split", "protocol", "words"),
    [
        (STRIPS, STRIPS_PROTOCOL, "held-out strips of the reviewed regions, original resolution"),
        (SLABS, SLABS_PROTOCOL, "held-out slabs of the reviewed volumes, resolution of the model"),
    ],
)
def test_scores_of_a_fine_tuning_are_in_plain_words(split: str, protocol: str, words: str) -> None:
    record = {"protocol": protocol, "split": split, "n": 4, "values": {"dice": VALUE}}
    assert f"4 {words}" in card_html(make_card(metrics=(record,)))


def test_the_terms_are_read_before_the_long_table_of_scores() -> None:
    record = {"protocol": "native", "split": "s", "n": 2, "values": {"dice": VALUE}}
    html = card_html(make_card(metrics=(record,)))
    assert html.index("Weak at") < html.index("Terms") < html.index("Scores")


def test_markup_in_a_card_is_shown_not_obeyed() -> None:
    html = card_html(make_card(title="a & b", bad_at="x < y"))
    assert "a &amp; b" in html
    assert "x &lt; y" in html


def test_the_summary_names_the_terms_that_matter() -> None:
    assert summary(make_card()) == "free use · 1 µm/px · Made-up tissue"
    assert summary(make_card(tissue="", research_only=True)) == "research only · 1 µm/px"


def test_the_dialog_opens_no_links(qtbot) -> None:
    dialog = CardDialog(make_card())
    qtbot.addWidget(dialog)
    assert dialog.windowTitle() == "Dark spots"
