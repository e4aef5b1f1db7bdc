"""Fine-tuning on volumes: what `engine.finetune` needs beside what it does for pictures."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Notice
from napari_selfreg.engine.finetune import FEW_PIXELS, Kind, stay_close_of
from napari_selfreg.engine.finetune_fields import odd_classes
from napari_selfreg.engine.finetune_loop import Clock, TuningLoop, TuningSettings
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.finetune_types import (
    LAMBDA,
    FinetuneField,
    FinetuneRequest,
    FinetuneVolume,
)
from napari_selfreg.engine.held_out import SLABS, SLABS_PROTOCOL
from napari_selfreg.engine.step import own_randomness
from napari_selfreg.engine.volume.cases import read_cases
from napari_selfreg.engine.volume.finetune_fields import VolumeMaterial, prepare_volumes
from napari_selfreg.engine.volume.fit import patch_losses
from napari_selfreg.engine.volume.predict import Triple, model_for_volumes, trained_on
from napari_selfreg.engine.volume.recipe import VolumeAugmentSection
from napari_selfreg.engine.volume.sampling import PatchSampler
from napari_selfreg.engine.volume.segment import spacing_of
from napari_selfreg.engine.volume.validation import class_dice
from napari_selfreg.io.card import Card
from napari_selfreg.io.pixel_size import Um
from napari_selfreg.io.volume.datasets import VolumeCase, pair_volumes
from napari_selfreg.io.volume.grid import Volume
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.regularization import Regularization
from napari_selfreg.nets.tapspec import TapSpec

_LONGEST = 64
"""Sides of patches where the base does not say what it was trained on."""

_AUGMENT = VolumeAugmentSection(flip=(0.0, 0.0, 0.0))  # which axis tells the classes is not known


@dataclass(frozen=True)
class VolumeFinetuneSettings(TuningSettings):
    """Everything about a run on volumes that its seed does not say.

    Parameters
    ----------
    batch : int
        Patches of a step.
    learning_rate : float
        At its peak.
    patch : (int, int, int)
        Voxels of the network's grid along z, y and x.
    foreground : float
        Share of patches whose centre lies on a class.
    augment : VolumeAugmentSection
    """

    batch: int = 2
    learning_rate: float = 2e-4
    patch: tuple[int, int, int] = (_LONGEST,) * 3
    foreground: float = 0.7
    augment: VolumeAugmentSection = _AUGMENT


class VolumeFinetuneLoop(TuningLoop):
    """State of a run on volumes between its steps.

    Parameters
    ----------
    base, start : Model
    material : VolumeMaterial
    settings : VolumeFinetuneSettings
    plan, clock, device, enough
        As for `TuningLoop`.
    """

    settings: VolumeFinetuneSettings
    memory_format = torch.channels_last_3d

    def __init__(
        self,
        base: Model,
        start: Model,
        material: VolumeMaterial,
        settings: VolumeFinetuneSettings,
        plan: Plan,
        clock: Clock,
        device: torch.device,
        enough: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(base, start, settings, plan, clock, device, enough)
        if device.type == "cpu":
            self.dtype = torch.float32  # bfloat16 is slower for small volumes
        self.slabs = material.slabs
        z, y, x = (side / 1000.0 for side in base.card.um_per_px)
        self.sampler = PatchSampler(
            material.training,
            settings.augment,
            settings.patch,
            settings.foreground,
            self.n_classes,
            (z, y, x),
        )
        self.loss = SegmentationLoss(self.n_classes, contour=False)
        weights = {"scr": settings.lambda_scr, "ifd": settings.lambda_ifd}
        regularize = Regularization.build(
            {name: {"weight": weight} for name, weight in weights.items() if weight > 0},
            self.network,
            base.tapspec,
            sample=(settings.batch, 1, *settings.patch),
            n_classes=self.n_classes,
            seed=settings.seed,
        )
        self.regularize = regularize if regularize.active else None

    def losses(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what a step descends, with gradient, and its named terms."""
        with own_randomness(self.settings.seed, step, self.device):
            return patch_losses(
                self.network,
                self.sampler.draw(self.settings.batch, self.settings.seed, step),
                tapspec=self.base.tapspec,
                loss=self.loss,
                regularize=self.regularize,
                dtype=self.dtype,
                device=self.device,
                step=step,
            )

    def score(self, network: nn.Module) -> tuple[float, ...]:
        """Return the Dice of every slab: the mean over the classes that are there or found."""
        spec, count = self.base.tapspec, self.n_classes
        each = class_dice(
            network, self.slabs, spec, count, dtype=self.dtype, device=self.device, absent=np.nan
        )
        return tuple(float(np.nanmean(row)) if np.isfinite(row).any() else 1.0 for row in each)

    def watched(self) -> Tensor:
        """Return the first patch of the run."""
        return self.sampler.draw(1, self.settings.seed, 0).volumes.to(self.device)


def volume_kind() -> Kind:
    """Return what `engine.finetune.finetune` needs for volumes."""
    return Kind(
        model_for_volumes,
        prepare_volumes,
        what_is_odd,
        settings_for_volumes,
        VolumeFinetuneLoop,
        SLABS,
        SLABS_PROTOCOL,
    )


def what_is_odd(material: VolumeMaterial) -> str:
    """Return what a person should know of the volumes; empty if nothing."""
    odd = odd_classes([case.labels for case in material.training])
    if not material.left_out:
        return odd
    names = ", ".join(material.left_out)
    return f"Too little is reviewed in {names} to learn from: review more there. {odd}".rstrip()


def settings_for_volumes(
    request: FinetuneRequest, base: Model, material: VolumeMaterial
) -> VolumeFinetuneSettings:
    """Return the settings of a request's run: what it leaves open comes from base and data.

    Parameters
    ----------
    request : FinetuneRequest
    base : Model
    material : VolumeMaterial

    Returns
    -------
    VolumeFinetuneSettings
    """
    voxels = sum(case.voxels.size for case in material.training)
    shapes = np.max([case.voxels.shape for case in material.training], axis=0)
    return replace(
        VolumeFinetuneSettings(),
        patch=trained_on(base) or _patch(base.tapspec, shapes.tolist()),
        augment=_augment(base),
        what=request.what,
        lambda_scr=LAMBDA if request.lambda_scr is None else request.lambda_scr,
        lambda_ifd=LAMBDA if request.lambda_ifd is None else request.lambda_ifd,
        stay_close=stay_close_of(request, material.reviewed),
        keep_statistics=voxels < FEW_PIXELS,
        seed=request.seed,
        watch_blocks=request.watch_blocks,
    )


def _patch(spec: TapSpec, shape: list[int]) -> tuple[int, int, int]:
    """Return sides that the network accepts, no larger than the volumes need."""
    if spec.fixed_size is not None:
        z, y, x = spec.fixed_size
        return z, y, x
    wanted = [max(spec.min_size, min(_LONGEST, side)) for side in shape]
    z, y, x = (side + -side % spec.size_multiple for side in wanted)
    return z, y, x


def _augment(base: Model) -> VolumeAugmentSection:
    """Return the changes that the base was trained with, mirrored axes too, if its card says."""
    known = base.card.recipe.get("augment")
    try:
        return VolumeAugmentSection.model_validate(known) if known else _AUGMENT
    except ValueError:  # the card of another program
        return _AUGMENT


def corrected(
    card: Card,
    images: str | Path,
    labels: str | Path,
    regions: str | Path | None = None,
    um_per_px: Um | None = None,
) -> Generator[Event, None, tuple[FinetuneField, ...]]:
    """Read what a person corrected: pictures or volumes, as a model needs them.

    Parameters
    ----------
    card : Card
        Of the base.
    images, labels, regions, um_per_px
        See `engine.finetune_files.corrected_fields`; volumes take no regions, and the last for
        files that do not state their place in space.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    tuple of FinetuneField
        Or of `FinetuneVolume`.

    Raises
    ------
    BadInputError
        If files do not pair or cannot be read, or an option is not for volumes.
    """
    if card.spatial_dims == 2:
        from napari_selfreg.engine.finetune_files import corrected_fields

        return (
            yield from corrected_fields(
                images,
                labels,
                regions,
                um_per_px=um_per_px,
                fallback=card.pixel_size,
                classes=card.classes,
            )
        )
    if regions is not None:
        raise BadInputError(
            "--regions is for pictures: in volumes the label 255 says what is not reviewed."
        )
    return (yield from corrected_volumes(images, labels, spacing_of(um_per_px)))


def corrected_volumes(
    images: str | Path, labels: str | Path, spacing: Triple | None = None
) -> Generator[Event, None, tuple[FinetuneVolume, ...]]:
    """Read volumes that a person corrected.

    Parameters
    ----------
    images, labels : str or Path
        Folders, which may be the same; paired by stem. Labels are class ids, 255 = not reviewed.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, for files that do not state their place in space.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    tuple of FinetuneVolume

    Raises
    ------
    BadInputError
        If files do not pair or cannot be read, or grids differ.
    """
    cases, unlabelled = pair_volumes(images, labels)
    if unlabelled:
        yield Notice(f"{len(unlabelled)} volumes have no label file and are left out.")
    return tuple((yield from read_cases(cases, _field, spacing)))


def _field(case: VolumeCase, image: Volume, labels: npt.NDArray[np.int32]) -> FinetuneVolume:
    return FinetuneVolume(image.voxels, labels, name=case.stem, spacing=image.spacing)
