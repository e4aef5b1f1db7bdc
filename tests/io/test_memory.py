from __future__ import annotations

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import memory


def test_this_machine_has_memory() -> None:
    assert 10**6 < memory.free_memory() < 10**15


def test_what_fits_passes_and_what_does_not_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 10 * 10**9)
    memory.require_memory(7 * 10**9, "scan.tif")
    with pytest.raises(BadInputError) as caught:
        memory.require_memory(8 * 10**9, "scan.tif")
    assert str(caught.value) == (
        "scan.tif needs 8.0 GB of memory at once and 10.0 GB are free: save it as a tiled, "
        "pyramidal TIFF, which is read piece by piece."
    )
