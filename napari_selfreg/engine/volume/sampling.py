"""Training batches of volumes: random patches that depend on nothing but the seed and the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.core.volume.resample import resample
from napari_selfreg.engine.volume.augment import patch_transforms
from napari_selfreg.engine.volume.recipe import VolumeAugmentSection

Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One volume at the network's voxel size, with its classes.

    Parameters
    ----------
    stem : str
    voxels : ndarray of float32, shape (Z, Y, X)
        Normalised.
    labels : ndarray of uint8, shape (Z, Y, X)
        Class ids; 255 = ignore.
    """

    stem: str
    voxels: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of one step: float32 (N, 1, Z, Y, X), and class ids uint8 (N, Z, Y, X)."""

    volumes: Tensor
    classes: Tensor


def network_input(
    voxels: npt.NDArray[np.float32], spacing: Spacing, target: Spacing
) -> npt.NDArray[np.float32]:
    """Return a volume as the network sees it: normalised, then at its voxel size.

    Parameters
    ----------
    voxels : ndarray of float32, shape (Z, Y, X)
    spacing, target : (float, float, float)
        Voxel sizes of the volume and of the network, (z, y, x) in mm.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
    """
    return np.asarray(resample(normalise(voxels), spacing, target, 1), dtype=np.float32)


def case_of(
    stem: str,
    voxels: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    spacing: Spacing,
    target: Spacing,
    n_classes: int,
) -> Case:
    """Bring a volume and its labels to the network's voxel size.

    Parameters
    ----------
    stem : str
        For sentences.
    voxels, labels : ndarray, shape (Z, Y, X)
        On one grid; the labels are class ids, 255 = ignore.
    spacing, target : (float, float, float)
        Voxel sizes of the volume and of the network, (z, y, x) in mm.
    n_classes : int
        Number of foreground classes.

    Returns
    -------
    Case

    Raises
    ------
    BadInputError
        If the labels hold a class that there is not.
    """
    check_classes(stem, labels, n_classes)
    small = resample(labels.astype(np.uint8), spacing, target, 0)
    return Case(stem, network_input(voxels, spacing, target), np.asarray(small, dtype=np.uint8))


def check_classes(stem: str, labels: npt.NDArray[np.integer], n_classes: int) -> None:
    """Refuse labels of classes that there are not.

    Parameters
    ----------
    stem : str
        For the sentence.
    labels : ndarray
        Class ids, 255 = ignore.
    n_classes : int
        Number of foreground classes.

    Raises
    ------
    BadInputError
    """
    highest = int(labels[labels != IGNORE].max(initial=0))
    if highest > n_classes:
        raise BadInputError(
            f"The labels of {stem} hold the class {highest}, but there are only {n_classes} "
            "classes: name them all in data.classes."
        )


class PatchSampler:
    """Draws patches of some cases.

    Parameters
    ----------
    cases : sequence of Case
    augment : VolumeAugmentSection
    patch : (int, int, int)
        Voxels along z, y and x.
    foreground : float
        Share of patches whose centre lies on a class.
    n_classes : int
        Number of foreground classes.
    spacing : (float, float, float)
        Voxel size of the cases along z, y and x in millimetres; cubes by default.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        augment: VolumeAugmentSection,
        patch: tuple[int, int, int],
        foreground: float,
        n_classes: int,
        spacing: Spacing = (1.0, 1.0, 1.0),
    ) -> None:
        self._cases, self._n_classes = cases, n_classes
        self._transforms = patch_transforms(augment, patch, foreground, spacing)

    def draw(self, batch: int, seed: int, step: int) -> Patches:
        """Draw the patches of one step.

        Parameters
        ----------
        batch : int
            Number of patches.
        seed, step : int
            The only sources of randomness: a resumed run draws what an unbroken one draws.

        Returns
        -------
        Patches
        """
        rng = np.random.default_rng([seed, step])
        drawn = [
            self._one(self._cases[int(rng.integers(len(self._cases)))], int(rng.integers(2**31)))
            for _ in range(batch)
        ]
        return Patches(torch.stack([v for v, _ in drawn]), torch.stack([c for _, c in drawn]))

    def _one(self, case: Case, seed: int) -> tuple[Tensor, Tensor]:
        # One channel per class, none where nothing is known or outside: turned linearly, the
        # largest gives smoother borders than the nearest voxel would.
        each = np.arange(self._n_classes + 1, dtype=np.uint8)[:, None, None, None]
        known = (case.labels > 0) & (case.labels != IGNORE)
        if known.all() or not known.any():
            known = np.indices(known.shape).sum(0) % 2 == 0  # MONAI warns of one kind: draw evenly
        whole = {
            "image": torch.from_numpy(case.voxels)[None],
            "label": torch.from_numpy((case.labels[None] == each).astype(np.float32)),
            "where": torch.from_numpy(known[None].astype(np.uint8)),
        }
        self._transforms.set_random_state(seed=seed)
        (patch,) = self._transforms(whole)
        shares = patch["label"].as_tensor()
        classes = shares.argmax(0).byte()
        classes[shares.sum(0) < 0.5] = IGNORE
        return patch["image"].as_tensor().float(), classes
