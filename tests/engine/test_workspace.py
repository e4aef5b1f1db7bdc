"""Memory that is used again."""

from __future__ import annotations

import torch

from napari_selfreg.core.types import Box
from napari_selfreg.engine.workspace import Workspace


def test_a_frame_is_channels_last_with_a_ring_of_zeros():
    frame = Workspace(torch.float32).frame("a", 4, Box(-2, -2, 5, 8), 2)
    assert frame.values.shape == (1, 4, 7, 10)
    assert frame.values.is_contiguous(memory_format=torch.channels_last)
    inner = frame.values[:, :, 2:-2, 2:-2]
    inner.fill_(1)
    assert frame.values.sum() == inner.numel()


def test_memory_is_shared_by_name_and_grows():
    workspace = Workspace(torch.bfloat16)
    first = workspace.frame("a", 2, Box(0, 0, 8, 8), 0)
    again = workspace.frame("a", 4, Box(0, 0, 4, 8), 0)
    other = workspace.frame("b", 2, Box(0, 0, 8, 8), 0)
    larger = workspace.frame("a", 2, Box(0, 0, 16, 8), 0)
    assert first.values.dtype == torch.bfloat16
    assert first.values.data_ptr() == again.values.data_ptr()
    assert first.values.data_ptr() not in (other.values.data_ptr(), larger.values.data_ptr())


def test_an_old_picture_does_not_show_in_the_ring():
    workspace = Workspace(torch.float32)
    workspace.frame("a", 1, Box(0, 0, 8, 8), 0).values.fill_(7)
    values = workspace.frame("a", 1, Box(0, 0, 6, 6), 1).values[0, 0]
    assert values[0].sum() == values[-1].sum() == values[:, 0].sum() == values[:, -1].sum() == 0


def test_only_what_overlaps_is_copied():
    frame = Workspace(torch.float32).frame("a", 1, Box(10, 20, 14, 24), 0)
    frame.values.zero_()
    frame.put(torch.ones(1, 1, 3, 3), Box(12, 18, 15, 21))
    expected = torch.zeros(4, 4)
    expected[2:, :1] = 1
    torch.testing.assert_close(frame.values[0, 0], expected)
    frame.put(torch.full((1, 1, 2, 2), 9.0), Box(0, 0, 2, 2))
    torch.testing.assert_close(frame.values[0, 0], expected)


def test_a_part_is_a_view_by_its_place_on_the_map():
    frame = Workspace(torch.float32).frame("a", 3, Box(-2, -1, 6, 5), 0)
    frame.values.zero_()
    part = frame.part(Box(0, 2, 3, 4))
    part.fill_(4)
    assert part.shape == (1, 3, 3, 2)
    assert frame.values.sum() == 4 * part.numel()
    assert (frame.values[0, :, 2:5, 3:5] == 4).all()
