from __future__ import annotations

from typing import Any

import pytest
import torch

from napari_selfreg.engine import doctor_devices
from napari_selfreg.engine.doctor_devices import examine_devices


def test_the_cpu_really_multiplies() -> None:
    found = {finding.name: finding for finding in examine_devices()}
    assert found["device cpu"].status == "ok"
    assert "multiplied" in found["device cpu"].detail
    assert found["bfloat16 on cpu"].status in {"ok", "note"}
    assert "device cuda" in found or "device cuda:0" in found


def test_a_device_that_multiplies_wrongly_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "equal", lambda *_: False)
    finding = doctor_devices._multiply(torch.device("cpu"), "")
    assert finding.status == "fault"
    assert "wrongly" in finding.detail
    assert "pip install" in finding.remedy


def test_a_device_that_raises_is_a_fault_with_its_first_line() -> None:
    finding = doctor_devices._multiply(torch.device("cuda", 99), "")
    assert finding.status == "fault"
    assert "\n" not in finding.detail
    assert "--device cpu" in finding.remedy


@pytest.mark.parametrize(
    ("cuda_build", "driver", "status", "words"),
    [
        (None, False, "note", "built for the CPU only"),
        (None, True, "note", "there is an NVIDIA GPU, but"),
        ("12.8", True, "fault", "cannot use the NVIDIA GPU"),
        ("12.8", False, "note", "no NVIDIA GPU"),
    ],
)
def test_the_absence_of_cuda_is_explained(
    monkeypatch: pytest.MonkeyPatch, cuda_build: str | None, driver: bool, status: str, words: str
) -> None:
    class Driver:
        def __init__(self, name: str) -> None:
            self.name = name

        def exists(self) -> bool:
            return driver

    monkeypatch.setattr(torch.version, "cuda", cuda_build)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(doctor_devices, "Path", Driver)
    finding = doctor_devices._no_cuda()
    assert finding.status == status
    assert words in finding.detail
    assert bool(finding.remedy) == driver


@pytest.mark.parametrize(("full", "half", "status"), [(2.0, 1.0, "ok"), (1.0, 2.0, "note")])
def test_bfloat16_counts_only_where_it_pays(
    monkeypatch: pytest.MonkeyPatch, full: float, half: float, status: str
) -> None:
    times: dict[Any, float] = {torch.float32: full, torch.bfloat16: half}
    monkeypatch.setattr(doctor_devices, "_convolution_seconds", lambda _, dtype: times[dtype])
    assert doctor_devices._half_precision(torch.device("cpu")).status == status


def test_a_device_without_bfloat16_gets_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> float:
        raise RuntimeError("not implemented\nlong trace")

    monkeypatch.setattr(doctor_devices, "_convolution_seconds", fail)
    finding = doctor_devices._half_precision(torch.device("cpu"))
    assert (finding.status, finding.detail) == ("note", "not possible (not implemented)")
