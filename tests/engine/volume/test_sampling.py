from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.volume.recipe import VolumeAugmentSection
from napari_selfreg.engine.volume.sampling import Case, PatchSampler, case_of
from tests.engine.volume.blobs import SHAPE, blob_case, blobs

STILL = VolumeAugmentSection(
    flip=(0, 0, 0),
    rotation=0,
    scale=0,
    gain=0,
    offset=0,
    gamma=0,
    blur_probability=0,
    noise_probability=0,
)
PATCH = (16, 16, 16)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**40), st.integers(0, 10_000))
def test_patches_depend_on_seed_and_step_alone(seed: int, step: int) -> None:
    cases = [blob_case(0), blob_case(1)]
    first, again = (
        PatchSampler(cases, VolumeAugmentSection(), PATCH, 0.5, 2).draw(2, seed, step)
        for _ in range(2)
    )
    assert torch.equal(first.volumes, again.volumes)
    assert torch.equal(first.classes, again.classes)
    assert first.volumes.shape == (2, 1, *PATCH)
    assert first.volumes.dtype == torch.float32
    assert set(first.classes.unique().tolist()) <= {0, 1, 2, IGNORE}
    other = PatchSampler(cases, VolumeAugmentSection(), PATCH, 0.5, 2).draw(2, seed, step + 1)
    assert not torch.equal(first.volumes, other.volumes)


def test_without_changes_a_patch_is_a_piece_of_the_volume() -> None:
    case = blob_case(3)
    sampler = PatchSampler([case], STILL, PATCH, 0.5, 2)
    patches = sampler.draw(3, 0, 0)
    windows = np.lib.stride_tricks.sliding_window_view(case.voxels, PATCH)
    for volume, classes in zip(patches.volumes.numpy(), patches.classes.numpy(), strict=True):
        apart = np.abs(windows - volume[0]).max((3, 4, 5))
        place = np.unravel_index(apart.argmin(), apart.shape)
        assert apart[place] < 1e-4
        piece = tuple(slice(p, p + n) for p, n in zip(place, PATCH, strict=True))
        assert np.array_equal(classes, case.labels[piece])


def test_what_lies_outside_teaches_nothing() -> None:
    case = blob_case(0)
    patches = PatchSampler([case], STILL, (24, 24, 24), 0.5, 2).draw(1, 0, 0)
    classes = patches.classes[0]
    assert int((classes != IGNORE).sum()) == case.labels.size
    assert bool(torch.isfinite(patches.volumes).all())
    assert int((classes == 1).sum()) == int((case.labels == 1).sum())


def test_ignored_voxels_stay_ignored_and_draw_no_patches() -> None:
    case = blob_case(0)
    labels = case.labels.copy()
    labels[:, : SHAPE[1] // 2] = IGNORE
    half = Case("half", case.voxels, labels)
    classes = PatchSampler([half], STILL, SHAPE, 1.0, 2).draw(1, 0, 0).classes
    assert np.array_equal(classes[0].numpy(), labels)


def test_foreground_draws_patches_on_classes() -> None:
    voxels = np.zeros((40, 40, 40), np.float32)
    labels = np.zeros(voxels.shape, np.uint8)
    labels[36, 36, 36] = 1
    sampler = PatchSampler([Case("dot", voxels, labels)], STILL, (8, 8, 8), 1.0, 1)
    classes = sampler.draw(6, 0, 0).classes
    assert all(int((one == 1).sum()) == 1 for one in classes)


@pytest.mark.parametrize("value", [0, 1])
def test_patches_of_one_class_are_drawn_without_a_warning(value: int) -> None:
    labels = np.full((20, 20, 20), value, np.uint8)
    case = Case("one", np.zeros(labels.shape, np.float32), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        classes = PatchSampler([case], STILL, PATCH, 0.9, 1).draw(2, 0, 0).classes
    assert bool((classes == value).all())


def test_mirroring_keeps_classes_on_their_blobs() -> None:
    case = blob_case(0)
    turned = STILL.model_copy(update={"flip": (1.0, 0.0, 1.0)})
    patches = PatchSampler([case], turned, SHAPE, 0.5, 2).draw(1, 0, 0)
    assert np.array_equal(patches.classes[0].numpy(), case.labels[::-1, :, ::-1])
    assert np.allclose(patches.volumes[0, 0].numpy(), case.voxels[::-1, :, ::-1], atol=1e-4)


def test_volumes_come_at_the_networks_voxel_size() -> None:
    voxels, labels = blobs(0)
    case = case_of("a", voxels, labels, (1.0, 1.0, 2.0), (1.0, 1.0, 1.0), 2)
    assert case.voxels.shape == case.labels.shape == (SHAPE[0], SHAPE[1], 2 * SHAPE[2])
    assert abs(float(case.voxels.mean())) < 0.1
    assert set(np.unique(case.labels)) == {0, 1, 2}


def test_a_class_that_is_not_named_is_refused() -> None:
    voxels, labels = blobs(0)
    one = (1.0, 1.0, 1.0)
    with pytest.raises(BadInputError, match="a hold the class 2"):
        case_of("a", voxels, labels, one, one, 1)
    labels[labels == 2] = IGNORE
    assert case_of("a", voxels, labels, one, one, 1).labels.max() == IGNORE
