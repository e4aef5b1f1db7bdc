"""Memory for volumes: a part of what is free, and a sentence where that is not enough."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.blocks import whole
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.volume.graph import record
from napari_selfreg.engine.volume.room import check_room, room_on
from tests.engine.volume.models import registered, small_volume_model

CPU = torch.device("cpu")
GRAPH = record(small_volume_model().network, torch.zeros(1, 1, 8, 8, 8))


def with_free(monkeypatch, free):
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: free)


@pytest.mark.parametrize("free", [10**7, 10**9, 10**12])
def test_a_part_of_the_free_memory_is_used_and_parts_stay_small(monkeypatch, free):
    with_free(monkeypatch, free)
    room = room_on(CPU)
    assert room.part + room.kept <= free / 2
    assert room.part <= 400_000_000


def test_what_does_not_fit_is_refused_and_what_fits_is_not(monkeypatch):
    shape = (64, 64, 64)
    with_free(monkeypatch, 10**9)
    room = room_on(CPU)
    check_room(GRAPH, shape, whole(shape), room)
    with_free(monkeypatch, 2 * room.part)
    with pytest.raises(BadInputError, match=r"needs \S+ GB of memory at once and 0.2 GB"):
        check_room(GRAPH, (600, 600, 600), whole((600, 600, 600)), room)
    check_room(GRAPH, (600, 600, 600), ((0, 8), (0, 8), (0, 8)), room)


def test_a_large_volume_of_the_default_network_fits_a_laptop(monkeypatch):
    network = registered("basic_unet").network
    graph = record(network, torch.zeros(1, 1, 32, 32, 32))
    with_free(monkeypatch, 4 * 10**9)
    check_room(graph, (256, 256, 256), whole((256, 256, 256)), room_on(CPU))
