"""KL per voxel: against torch's own and the identities that any KL has."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from napari_selfreg.nets.divergence import voxel_kl


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(
    seed=st.integers(0, 99),
    channels=st.integers(1, 5),
    size=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    temperature=st.floats(0.5, 5),
)
def test_is_the_double_sum_and_zero_between_equals(
    seed: int, channels: int, size: list[int], temperature: float
) -> None:
    teacher = logits(2, channels, *size, seed=seed).double()
    student = logits(2, channels, *size, seed=seed + 100).double()
    p = (teacher / temperature).softmax(1)
    q = (student / temperature).softmax(1)
    plain = (p * (p.log() - q.log())).sum() / (2 * math.prod(size))
    found = voxel_kl(teacher, student, temperature=temperature)
    torch.testing.assert_close(found, plain, atol=1e-12, rtol=1e-9)
    assert found >= -1e-12
    assert voxel_kl(teacher, teacher, temperature=temperature) == 0
    assert voxel_kl(teacher + 3.0, teacher).abs() < 1e-12  # softmax knows no offset


def test_times_the_voxels_of_a_sample_it_is_batchmean() -> None:
    teacher, student = logits(3, 4, 5, 6, 7), logits(3, 4, 5, 6, 7, seed=1)
    batchmean = functional.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="batchmean")
    torch.testing.assert_close(voxel_kl(teacher, student) * 5 * 6 * 7, batchmean)


def test_released_missu_normaliser_is_off_by_depth_over_channels() -> None:
    # The code released for MISSU reads (N, C, D, H, W) as (N, D, C, H, W): it divides by
    # N*C*H*W, so its value is D/C times the mean over voxels: 0.5, 2 and 8 at its three levels.
    for channels, depth, factor in ((64, 32, 0.5), (32, 64, 2.0), (16, 128, 8.0)):
        teacher, student = (
            logits(1, channels, depth, 2, 2),
            logits(1, channels, depth, 2, 2, seed=1),
        )
        summed = functional.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="sum")
        as_released = summed / (1 * channels * 2 * 2)
        torch.testing.assert_close(as_released, factor * voxel_kl(teacher, student))


def test_forward_kl_is_not_symmetric_and_its_students_gradient_is_the_difference() -> None:
    teacher, student = logits(1, 3, 2, 2), logits(1, 3, 2, 2, seed=1).requires_grad_()
    voxel_kl(teacher, student).backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    torch.testing.assert_close(student.grad * 4, student.detach().softmax(1) - teacher.softmax(1))
    there, back = voxel_kl(teacher, student.detach()), voxel_kl(student.detach(), teacher)
    assert not math.isclose(there.item(), back.item(), rel_tol=0.01)


def test_squared_temperature_undoes_the_softening_of_small_logits() -> None:
    # For small logits KL falls with the square of T: that is what the factor T² is for.
    teacher, student = (
        1e-3 * logits(1, 4, 8, 8).double(),
        1e-3 * logits(1, 4, 8, 8, seed=1).double(),
    )
    plain = voxel_kl(teacher, student).item()
    assert 9 * voxel_kl(teacher, student, temperature=3).item() == pytest.approx(plain, rel=1e-2)


def test_float32_whatever_comes_in() -> None:
    teacher, student = logits(1, 3, 4, 4), logits(1, 3, 4, 4, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        inside = voxel_kl(teacher.bfloat16(), student)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, voxel_kl(teacher.bfloat16().float(), student))
    assert voxel_kl(teacher.double(), student).dtype == torch.float64
