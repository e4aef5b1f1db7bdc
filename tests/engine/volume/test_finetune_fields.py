from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.finetune_types import FinetuneVolume
from napari_selfreg.engine.volume.finetune_fields import CONTEXT, VolumeMaterial, prepare_volumes
from tests.bundles import example_card
from tests.engine.volume.blobs import SHAPE, blobs

CARD = example_card(
    architecture="dynunet",
    architecture_args={"filters": [4, 8, 8]},
    classes=["bright", "dark"],
    spatial_dims=3,
    in_channels=1,
    um_per_px=[1000.0, 1000.0, 1000.0],
    normalisation={"mean": [0.0], "std": [1.0]},
    intensity="volume",
)


def _volume(seed: int = 0, **changes: Any) -> FinetuneVolume:
    voxels, labels = blobs(seed)
    return FinetuneVolume(**{"picture": voxels, "labels": labels, "name": "a", **changes})


def _prepared(labels: npt.NDArray[Any], count: int = 1) -> VolumeMaterial:
    voxels = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    return prepare_volumes([FinetuneVolume(voxels, labels)] * count, CARD)


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_what_is_held_out_does_not_teach(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((10, 14, 12), np.uint8)
    z, y, x = (int(rng.integers(0, side - 5)) for side in labels.shape)
    labels[z : z + 4, y : y + 5, x : x + 5] = rng.integers(0, 3, (4, 5, 5))
    labels[rng.random(labels.shape) < 0.1] = IGNORE
    labels[z, y, x] = labels[z + 3, y + 4, x + 4] = 1
    material = _prepared(labels, count)
    assert len(material.slabs) == len(material.training) == count
    assert material.reviewed == count * int((labels != IGNORE).sum())
    for slab, case in zip(material.slabs, material.training, strict=True):
        held, taught = slab.labels != IGNORE, case.labels != IGNORE
        assert held.any()
        assert taught.any()
        assert int(held.sum() + taught.sum()) == int((labels != IGNORE).sum())


def test_slabs_lie_at_either_end_of_the_structures_in_turn() -> None:
    labels = np.zeros((8, 100, 8), np.uint8)
    labels[2:6, 40:60, 2:6] = 1
    far, near = _prepared(labels, 2).training
    assert np.all(far.labels[:, 55:] == IGNORE)
    assert np.array_equal(far.labels[:, :55], labels[:, :55])
    assert np.all(near.labels[:, :45] == IGNORE)
    assert np.array_equal(near.labels[:, 45:], labels[:, 45:])


def test_a_slab_brings_some_context_that_does_not_count() -> None:
    labels = np.zeros((8, 200, 8), np.uint8)
    labels[2:6, 80:120, 2:6] = 2
    (slab,) = _prepared(labels).slabs
    assert slab.labels.shape[1] == 200 - 110 + CONTEXT
    assert np.all(slab.labels[:, :CONTEXT] == IGNORE)
    assert np.count_nonzero(slab.labels[:, CONTEXT:] == 2) == 4 * 10 * 4


def test_reviewed_voxels_alone_teach() -> None:
    reviewed = np.zeros(SHAPE, bool)
    reviewed[:, 2:-2] = True
    material = prepare_volumes([_volume(reviewed=reviewed)], CARD)
    assert material.reviewed == int(reviewed.sum())
    assert np.all(material.training[0].labels[:, :2] == IGNORE)


def test_volumes_are_brought_to_the_models_voxel_size() -> None:
    material = prepare_volumes([_volume(spacing=(2.0, 1.0, 1.0))], CARD)
    assert material.training[0].voxels.shape == (2 * SHAPE[0], *SHAPE[1:])


def test_checksums_tell_volumes_apart() -> None:
    sums = prepare_volumes([_volume(0), _volume(0), _volume(1)], CARD).checksums
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"picture": np.zeros((4, 4), np.float32)}, "a is no volume"),
        ({"labels": np.zeros((4, 4, 4), np.uint8)}, "differ in size"),
        ({"reviewed": np.zeros((4, 4, 4), bool)}, "differ in size"),
        ({"labels": np.full(SHAPE, 3, np.uint8)}, "class 3"),
        ({"labels": np.full(SHAPE, IGNORE, np.uint8)}, "Too little is reviewed"),
    ],
)
def test_faults_are_sentences(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        prepare_volumes([_volume(**changes)], CARD)
