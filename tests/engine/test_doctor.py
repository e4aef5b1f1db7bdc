from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.engine import doctor
from napari_selfreg.engine.finding import Finding
from tests.bundles import make_shelf


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_the_versions_of_this_environment_are_fine() -> None:
    found = by_name(list(doctor.examine_versions()))
    assert set(doctor.REQUIRED) <= set(found)
    assert [finding for finding in found.values() if finding.status == "fault"] == []


def test_absent_and_old_libraries_are_faults_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = {"torch": "2.3.1+cpu", "monai": None, "PySide6": "6.12.0"}
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name, real(name)))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 11, 9))
    found = by_name(list(doctor.examine_versions()))
    assert found["torch"] == Finding(
        "torch", "fault", "2.3.1+cpu is older than 2.4", "pip install 'torch>=2.4'"
    )
    assert found["monai"].status == "fault"
    assert found["monai"].remedy == "pip install monai"
    assert "crashes" in found["PySide6"].detail


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2.13.0+cpu", (2, 13, 0)), ("0.9.3rc1", (0, 9)), ("nightly", ()), ("2026.3.3", (2026, 3, 3))],
)
def test_versions_are_compared_by_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert doctor._numbers(text) == numbers


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_shelf(tmp_path / "models", monkeypatch)


def test_a_sound_model_is_as_released(shelf: Path) -> None:
    (finding,) = doctor.examine_models()
    assert finding.status == "ok"
    assert "as released" in finding.detail


def test_changed_damaged_missing_and_unknown_models_are_faults(shelf: Path) -> None:
    path = shelf / "glands.safetensors"
    sound = path.read_bytes()
    flipped = bytearray(sound)
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    assert [f.detail for f in doctor.examine_models()] == ["it differs from the released file"]
    path.write_bytes(sound[:-100])
    assert "cut off" in next(doctor.examine_models()).detail
    path.unlink()
    assert {f.status for f in doctor.examine_models()} == {"fault"}
    path.write_bytes(sound)
    (shelf / "SHA256SUMS").unlink()
    assert "no checksum" in next(doctor.examine_models()).detail


def test_a_recorded_model_that_is_missing_is_a_fault(shelf: Path) -> None:
    with (shelf / "SHA256SUMS").open("a") as sums:
        sums.write("00  nuclei.safetensors\n")
    found = by_name(list(doctor.examine_models()))
    assert found["model nuclei"].status == "fault"
    assert found["model glands"].status == "ok"


def test_a_settings_folder_that_cannot_be_written_is_only_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        doctor.platformdirs, "user_config_path", lambda *_, **__: blocked / "settings"
    )
    monkeypatch.setattr(doctor.platformdirs, "user_log_path", lambda *_, **__: tmp_path / "logs")
    found = by_name(list(doctor.examine_folders()))
    assert found["folder for settings"].status == "note"
    assert found["folder for settings"].remedy
    assert found["folder for logs"].status == "ok"
    assert not list((tmp_path / "logs").iterdir())


def test_temporary_files_that_cannot_be_written_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: str(blocked))
    assert by_name(list(doctor.examine_folders()))["folder for temporary files"].status == "fault"


def test_an_examination_covers_everything_in_order(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine_display", lambda: iter([Finding("window", "ok", "")]))
    told: list[str] = []
    found = by_name(doctor.examine(told.append))
    assert len(told) == 5
    assert [
        name
        for name in found
        if name in {"python", "device cpu", "window", "model glands", "working folder"}
    ] == ["python", "device cpu", "window", "model glands", "working folder"]
    assert found["python"].to_dict()["status"] == "ok"
