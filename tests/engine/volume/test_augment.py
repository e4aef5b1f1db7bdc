from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_selfreg.engine.volume.augment import patch_transforms
from napari_selfreg.engine.volume.recipe import VolumeAugmentSection

PATCH = (12, 16, 20)


def _whole(side: int = 60) -> dict[str, torch.Tensor]:
    ramp = torch.linspace(-1, 1, side)[None, :, None, None].expand(1, side, side, side)
    return {
        "image": ramp.clone(),
        "label": torch.ones(1, side, side, side),
        "where": (torch.arange(side)[None, :, None, None] % 2).expand(1, side, side, side).clone(),
    }


def _drawn(augment: VolumeAugmentSection, seed: int) -> dict[str, torch.Tensor]:
    transforms = patch_transforms(augment, PATCH, 0.5)
    transforms.set_random_state(seed=seed)
    (patch,) = transforms(_whole())
    return {name: patch[name].as_tensor() for name in ("image", "label")}


def test_turned_and_zoomed_patches_lie_inside_a_volume_that_is_large_enough() -> None:
    wild = VolumeAugmentSection(rotation=30.0, scale=0.3)
    for seed in range(6):
        patch = _drawn(wild, seed)
        assert patch["image"].shape == patch["label"].shape == (1, *PATCH)
        assert float((patch["label"] > 0.5).float().mean()) > 0.97


THICK = np.array([4.0, 1.0, 1.5])  # millimetres along z, y and x
CALM = VolumeAugmentSection(
    flip=(0, 0, 0), scale=0, gain=0, offset=0, gamma=0, blur_probability=0, noise_probability=0
)


def _rod(seed: int, rotation: float) -> np.ndarray:
    """Return the places (N, 3) in mm of a rod, 48 mm long along x, that was turned at random."""
    shape = (16, 64, 44)
    from_centre = (np.indices(shape).T - (np.array(shape) - 1) / 2) * THICK
    z, y, x = from_centre.T
    rod = torch.from_numpy((np.abs(x) <= 24) & (np.hypot(z, y) <= 7)).float()[None]
    augment = CALM.model_copy(update={"rotation": rotation})
    transforms = patch_transforms(augment, shape, 1.0, (4.0, 1.0, 1.5))
    middle = torch.zeros_like(rod)
    middle[:, 8, 32, 22] = 1  # the only place to draw a patch around
    transforms.set_random_state(seed=seed)
    (patch,) = transforms({"image": rod, "label": rod, "where": middle})
    return np.argwhere(patch["label"].as_tensor()[0].numpy() > 0.5) * THICK


def test_patches_of_thick_slices_are_turned_in_millimetres() -> None:
    tilts = []
    for seed in range(6):
        places = _rod(seed, 40.0)
        centred = places - places.mean(0)
        axis = np.linalg.svd(centred, full_matrices=False)[2][0]
        assert np.ptp(centred @ axis) == pytest.approx(48, abs=5)
        assert len(places) == pytest.approx(len(_rod(seed, 0.0)), rel=0.15)
        tilts.append(np.degrees(np.arccos(min(1.0, abs(axis[2])))))
    assert max(tilts) > 20  # turned indeed


def test_voxels_that_are_cubes_change_nothing_whatever_their_size() -> None:
    wild = VolumeAugmentSection(rotation=30.0, scale=0.3)
    first, second = (
        patch_transforms(wild, PATCH, 0.5),
        patch_transforms(wild, PATCH, 0.5, (0.7,) * 3),
    )
    for each in (first, second):
        each.set_random_state(seed=3)
    (a,), (b,) = first(_whole()), second(_whole())
    assert torch.equal(a["image"].as_tensor(), b["image"].as_tensor())


def test_windows_of_thick_slices_hold_turned_patches_too() -> None:
    wild = VolumeAugmentSection(rotation=30.0, scale=0.3)
    for seed in range(6):
        transforms = patch_transforms(wild, (6, 16, 20), 0.5, (4.0, 1.0, 1.0))
        transforms.set_random_state(seed=seed)
        (patch,) = transforms(_whole())
        assert float((patch["label"].as_tensor() > 0.5).float().mean()) > 0.97


def test_gains_and_offsets_change_intensities_and_nothing_else() -> None:
    calm = {"flip": (0, 0, 0), "rotation": 0, "scale": 0}
    none = {"gain": 0, "offset": 0, "gamma": 0, "blur_probability": 0, "noise_probability": 0}
    plain = VolumeAugmentSection.model_validate(calm | none)
    bright = VolumeAugmentSection.model_validate(calm | none | {"gain": 0.5, "offset": 1.0})
    changed = 0
    for seed in range(6):
        first, second = _drawn(plain, seed), _drawn(bright, seed)
        assert torch.equal(first["label"], second["label"])
        x, y = first["image"].flatten().numpy(), second["image"].flatten().numpy()
        if np.allclose(x, y):
            continue
        changed += 1
        slope, offset = np.polyfit(x, y, 1)
        assert np.allclose(slope * x + offset, y, atol=1e-4)  # a line: nothing else was done
        assert 0.5 <= slope <= 1.5
    assert changed
