"""What the doctor says is plain JSON, whoever reads it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from napari_selfreg.engine.finding import Finding


def test_a_finding_survives_json() -> None:
    found = Finding("torch", "fault", "2.3 is older than 2.4", "pip install 'torch>=2.4'")
    assert Finding(**json.loads(json.dumps(found.to_dict()))) == found


def test_what_is_well_needs_no_remedy() -> None:
    assert Finding("numpy", "ok", "2.4").to_dict() == {
        "name": "numpy",
        "status": "ok",
        "detail": "2.4",
        "remedy": "",
    }


def test_nobody_changes_a_finding() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding("numpy", "ok", "2.4").status = "fault"  # type: ignore[misc]
