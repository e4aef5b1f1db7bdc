"""The registry, and architectures that other packages bring by entry point."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.registry import (
    ENTRY_POINT_GROUP,
    architectures,
    build_network,
    tap_spec,
)

MODULE = """
from napari_selfreg.nets.architecture import ArchitectureEntry
from tests.nets.conftest import FOREIGN_TAPS, Foreign

def build(*, in_channels, out_channels, spatial_dims, width=4):
    return Foreign(width, out_channels)

ENTRY = ArchitectureEntry(
    name="somebody_elses", build=build, tap_spec=lambda *, spatial_dims, **_: FOREIGN_TAPS
)
IMPOSTOR = ArchitectureEntry(
    name="basic_unet", build=build, tap_spec=lambda *, spatial_dims, **_: FOREIGN_TAPS
)
NOTHING = 3
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a distribution with entry points, good and bad ones, on the path."""
    (tmp_path / "someones_package.py").write_text(MODULE)
    information = tmp_path / "someones_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: someones-package\nVersion: 1.0\n"
    )
    points = {
        "good": "someones_package:ENTRY",
        "impostor": "someones_package:IMPOSTOR",
        "nothing": "someones_package:NOTHING",
        "broken": "no_such_module:ENTRY",
    }
    lines = [f"[{ENTRY_POINT_GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
    (information / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("someones_package", None)


@pytest.mark.usefixtures("installed")
def test_other_packages_register_by_entry_point(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = architectures()
    assert list(found)[-1] == "somebody_elses"
    assert found["basic_unet"].build.__module__.startswith("napari_selfreg.")
    assert {name for name in ("impostor", "nothing", "broken") if name in caplog.text} == {
        "impostor",
        "nothing",
        "broken",
    }
    network = build_network("somebody_elses", in_channels=3, out_channels=5, width=6)
    with tap_spec("somebody_elses", width=6).open(network) as taps:
        assert network(torch.rand(1, 3, 8, 8)).shape == (1, 5, 8, 8)
        assert taps["D1"].shape == (1, 6, 8, 8)
    with pytest.raises(BadModelError, match="does not exist in 3-D"):
        build_network("somebody_elses", in_channels=3, out_channels=5, spatial_dims=3)


def test_own_architectures_by_name() -> None:
    found = architectures()
    assert list(found)[:8] == [
        "basic_unet",
        "attention_unet",
        "dynunet",
        "swin_unetr",
        "unetr",
        "selfreg_unet_paper",
        "trans_unet",
        "vnet",
    ]
    assert all(name == entry.name and entry.description for name, entry in found.items())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadModelError, match="registered are basic_unet, "):
        build_network("resnet", in_channels=3, out_channels=2)
    with pytest.raises(BadModelError, match="has no such taps: img_size"):
        tap_spec("unetr", img_size=17)
