"""Refusing what does not fit into memory, before it is tried."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.inside_memory import require_room, require_room_for_whole
from tests.engine.looks import LADDER, Ladder
from tests.nets.conftest import hook_count

CPU = torch.device("cpu")
# Of 8 x 8 pixels of 3 colours: E1, D1 and the input 768 bytes each, E2 and D2 192, B 12.
BLOCKS, RESULTS, PROBE = 768 * 2 + 192 * 2 + 12, 768 * 3 + 192, 64


def free(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: int(size))


def test_seventy_percent_may_be_used() -> None:
    require_room(70, 100)
    with pytest.raises(
        BadInputError, match=r"needs 0\.0 GB of memory at once and 0\.0 GB are free"
    ):
        require_room(71, 100)


@pytest.mark.parametrize("gradient", [False, True])
def test_what_is_needed_grows_with_the_area(
    gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Ladder()
    least = (RESULTS if gradient else BLOCKS) * 16
    free(monkeypatch, 1e9)
    require_room_for_whole(network, LADDER, 3, (32, 32), CPU, gradient=gradient)
    free(monkeypatch, least / 2)
    with pytest.raises(BadInputError, match="smaller part"):
        require_room_for_whole(network, LADDER, 3, (32, 32), CPU, gradient=gradient)
    assert hook_count(network) == 0


def test_what_is_as_small_as_the_probe_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 1)
    require_room_for_whole(Ladder(), LADDER, 3, (8, 8), CPU, gradient=True)
