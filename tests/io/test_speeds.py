from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io import kept, speeds, terms
from napari_selfreg.io.speeds import record_speed, speed_of


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "settings_folder", lambda: tmp_path)
    monkeypatch.setattr(speeds, "_here", {})


def test_a_guess_before_the_first_run() -> None:
    assert speed_of("cpu") == speed_of("auto") < speed_of("mps") < speed_of("cuda")


def test_each_device_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    record_speed("cpu", 4e6, 2)
    assert speed_of("cpu") == pytest.approx(2e6)
    assert speed_of("auto") != speed_of("cpu")
    monkeypatch.setattr(speeds, "_here", {})  # the next session
    assert speed_of("cpu") == pytest.approx(2e6)


def test_one_busy_hour_does_not_decide() -> None:
    record_speed("cpu", 4e6, 1)
    record_speed("cpu", 1e6, 1)
    assert speed_of("cpu") == pytest.approx(2e6)


def test_runs_too_short_to_tell_do_not_count() -> None:
    before = speed_of("cpu")
    record_speed("cpu", 1000, 0.001)
    record_speed("cpu", 1e6, 0)
    assert speed_of("cpu") == before


@pytest.mark.parametrize("content", [[1], {"cpu": "fast"}, {"cpu": -1}, {"cpu": 0}])
def test_a_damaged_file_is_as_good_as_none(content: object) -> None:
    kept.store(speeds.FILE_NAME, content)
    assert speed_of("cpu") == speeds.SLOWEST_GUESS
