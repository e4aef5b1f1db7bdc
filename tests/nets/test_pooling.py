"""The teacher pooled once per size."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from napari_selfreg.nets import distance, pooling
from napari_selfreg.nets.pooling import PooledTeacher, adaptive_mean


@pytest.mark.parametrize("piece", [1, 1 << 19])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_chained_sizes_equal_direct_pooling(
    monkeypatch: pytest.MonkeyPatch, piece: int, form: torch.memory_format
) -> None:
    monkeypatch.setattr(distance, "_PIECE", piece)
    feature = torch.rand(3, 5, 32, 48).bfloat16().contiguous(memory_format=form)
    teacher = PooledTeacher(feature)
    for size in [(16, 24), (8, 12), (2, 3), (4, 6), (5, 7)]:
        pooled = teacher.at(size)
        assert pooled.dtype == torch.float32
        wanted = functional.adaptive_avg_pool2d(feature.float(), size)
        torch.testing.assert_close(pooled, wanted, rtol=1e-5, atol=1e-6)


def test_each_size_is_pooled_once_and_the_whole_map_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feature = torch.rand(1, 2, 16, 16)
    read: list[int] = []
    plain = pooling.adaptive_mean

    def counted(maps: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        read.append(maps.shape[2])
        return plain(maps, size)

    monkeypatch.setattr(pooling, "adaptive_mean", counted)
    teacher = PooledTeacher(feature)
    for size in [(8, 8), (4, 4), (8, 8), (2, 2), (4, 4)]:
        teacher.at(size)
    assert read == [16, 8, 4]


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_sizes_that_do_not_divide_the_map_are_pooled_from_it(form: torch.memory_format) -> None:
    feature = torch.rand(2, 3, 36, 31).contiguous(memory_format=form)
    teacher = PooledTeacher(feature)
    for size in [(18, 15), (16, 12), (8, 4), (9, 5), (4, 2)]:
        wanted = functional.adaptive_avg_pool2d(feature, size)
        torch.testing.assert_close(teacher.at(size), wanted, rtol=1e-5, atol=1e-6)


def test_is_without_gradient_and_never_enlarges() -> None:
    feature = torch.rand(1, 2, 4, 8, requires_grad=True)
    teacher = PooledTeacher(feature)
    assert not teacher.at((4, 8)).requires_grad
    assert teacher.at((8, 4)).shape == (1, 2, 4, 4)
    assert adaptive_mean(feature, (9, 9)) is feature


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last_3d])
def test_volumes(form: torch.memory_format) -> None:
    feature = torch.rand(2, 3, 4, 6, 8).contiguous(memory_format=form)
    torch.testing.assert_close(
        PooledTeacher(feature).at((2, 3, 4)), functional.adaptive_avg_pool3d(feature, (2, 3, 4))
    )
