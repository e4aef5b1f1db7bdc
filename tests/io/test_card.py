from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.card import Card, parse_card
from tests.bundles import example_card, example_fields


def test_a_card_survives_its_own_json() -> None:
    card = example_card(
        separation="contour",
        postprocessing={"threshold": 0.4, "min_area_um2": 30.0},
        metrics=[
            {
                "protocol": "native",
                "split": "validation patients",
                "n": 12,
                "values": {"dice": {"mean": 0.9, "low": 0.88, "high": 0.92}},
                "lambda_scr": 0.015,
            }
        ],
        training={"steps": 10, "terms": ["scr/E2", "ifd/D2"]},
    )
    assert parse_card(card.to_json()) == card


def test_scores_name_decorrelation_only_where_there_was_some() -> None:
    record = {"protocol": "native", "split": "s", "n": 1, "values": {}}
    plain = example_card(metrics=[record])
    assert "decorrelation" not in plain.to_json()
    assert "decorrelation" not in str(plain.model_dump(mode="json"))
    own = example_card(metrics=[{**record, "lambda_decorrelation": 0.1}])
    assert parse_card(own.to_json()) == own
    assert parse_card(own.to_json()).metrics[0].lambda_decorrelation == 0.1
    with pytest.raises(ValidationError, match="lambda_decorrelation"):
        example_card(metrics=[{**record, "lambda_decorrelation": -0.1}])


def test_the_same_card_gives_the_same_text() -> None:
    fields = example_fields(description="é µ")
    backwards = dict(reversed(fields.items()))
    assert Card.model_validate(fields).to_json() == Card.model_validate(backwards).to_json()


def test_output_channels_count_background_classes_and_contour() -> None:
    assert example_card(classes=["a", "b"]).out_channels == 3
    assert example_card(classes=["a", "b"], separation="contour").out_channels == 4


def test_pixel_size_is_that_of_the_plane() -> None:
    card = example_card(spatial_dims=3, um_per_px=[2000.0, 900.0, 1000.0])
    assert card.pixel_size == PixelSize(y=900.0, x=1000.0)


def test_postprocessing_arrives_as_the_core_type() -> None:
    card = example_card(postprocessing={"threshold": 0.3})
    assert card.postprocessing == PostProcessing(threshold=0.3)


def test_a_card_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        example_card().name = "other"  # type: ignore[misc]


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"schema_version": 2}, "schema_version"),
    ({"surprise": 1}, "surprise"),
    ({"name": "../glands"}, "name"),
    ({"name": "Glands"}, "name"),
    ({"classes": []}, "classes"),
    ({"classes": ["a", "a"]}, "differ"),
    ({"classes": "gland"}, "classes"),
    ({"um_per_px": [1.0]}, "um_per_px needs 2"),
    ({"um_per_px": [0.0, 1.0]}, "um_per_px"),
    ({"um_per_px": [1e9, 1.0]}, "um_per_px"),
    ({"um_per_px": [0.01, 0.01]}, "from 0.02 to 20"),
    ({"um_per_px": [21.0, 21.0]}, "from 0.02 to 20"),
    ({"um_per_px": ["1", "1"]}, "um_per_px"),
    ({"spatial_dims": 4}, "spatial_dims"),
    ({"in_channels": 10**9}, "in_channels"),
    ({"in_channels": True}, "in_channels"),
    ({"in_channels": 1}, "normalisation needs 1"),
    ({"normalisation": {"mean": [0.5] * 3, "std": [0.0] * 3}}, "std"),
    ({"postprocessing": {"threshold": 1.5}}, "threshold"),
    ({"postprocessing": {"separation": -1.0}}, "separation"),
    ({"postprocessing": {"min_area_um2": -1.0}}, "areas"),
    ({"postprocessing": {"colour": 1}}, "colour"),
    ({"separation": "watershed"}, "separation"),
    ({"seed": -1}, "seed"),
    ({"licence": "<b>free</b>"}, "licence"),
    ({"terms": "<script>alert(1)</script>"}, "markup"),
    ({"description": "x" * 3000}, "description"),
    ({"training": {"host": "/home/alice/run"}}, "path"),
    ({"recipe": {"worst": "testA_1.bmp"}}, "file name"),
    ({"architecture": "os; rm"}, "architecture"),
    ({"architecture_args": [1]}, "architecture_args"),
]


@pytest.mark.parametrize(("changes", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_hostile_cards_are_refused_with_the_reason(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_card(json.dumps(example_fields(**changes)))


@pytest.mark.parametrize("field", ["training", "recipe", "architecture_args"])
def test_nan_and_deep_nesting_are_refused_in_free_form_fields(field: str) -> None:
    with pytest.raises(ValueError, match="not finite"):
        parse_card(json.dumps(example_fields(**{field: {"x": float("nan")}})))
    nested: Any = 1
    for _ in range(50):
        nested = {"x": nested}
    with pytest.raises(ValueError, match="too deeply"):
        parse_card(json.dumps(example_fields(**{field: nested})))


def test_a_huge_card_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ValueError, match="256 KiB"):
        parse_card("[" * 300_000)


def test_reasons_do_not_echo_what_a_stranger_wrote() -> None:
    with pytest.raises(ValueError, match="card is not valid") as caught:
        parse_card(json.dumps(example_fields(**{"\x1b[31m<b>": "\x1b]0;evil"})))
    assert "\x1b" not in str(caught.value)
    assert "<b>" not in str(caught.value)


def test_a_missing_field_is_named() -> None:
    fields = example_fields()
    del fields["classes"]
    with pytest.raises(ValueError, match="classes"):
        parse_card(json.dumps(fields))


@given(st.text(max_size=200))
def test_any_text_gives_a_card_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="card"):
        parse_card(text)


VOLUMES = {
    "spatial_dims": 3,
    "in_channels": 1,
    "um_per_px": [1000.0, 1000.0, 1000.0],
    "normalisation": {"mean": [0.0], "std": [1.0]},
}


def test_cards_of_pictures_do_not_speak_of_intensities() -> None:
    assert "intensity" not in example_card().to_json()
    card = example_card(**VOLUMES, intensity="volume")
    assert json.loads(card.to_json())["intensity"] == "volume"
    assert parse_card(card.to_json()) == card


@pytest.mark.parametrize("change", [{}, {**VOLUMES, "intensity": "grey"}])
def test_intensities_are_those_of_volumes(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="intensity"):
        example_card(**{"intensity": "volume", **change})
