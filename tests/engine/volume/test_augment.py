from __future__ import annotations

import numpy as np
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
