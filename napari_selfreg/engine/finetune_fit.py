"""The loop of a fine-tuning on pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.finetune_fields import Material
from napari_selfreg.engine.finetune_loop import (
    TIE,
    Clock,
    Kept,
    TuningLoop,
    TuningSettings,
    between,
)
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.fit import training_losses
from napari_selfreg.engine.recipe import AugmentSection
from napari_selfreg.engine.sampling import Batch, draw_crops
from napari_selfreg.engine.step import own_randomness
from napari_selfreg.engine.validation import Normalizer, dice_scores
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import SelfRegularization

__all__ = ["TIE", "Clock", "FinetuneLoop", "FinetuneSettings", "Kept", "between"]

_AUGMENT = AugmentSection(stain_gain=0.3, stain_offset=0.04)


@dataclass(frozen=True)
class FinetuneSettings(TuningSettings):
    """Everything about a run on pictures that its seed does not say.

    Many small steps: a minute of a slow computer holds about 220 crops, and two a step at a lower
    rate taught far more than eight a step (docs/fine-tuning-figures.md).

    Parameters
    ----------
    batch : int
        Crops of a step.
    learning_rate : float
        At its peak.
    crop : int
        Side of the crops in pixels of the network's grid.
    augment : AugmentSection
    """

    batch: int = 2
    learning_rate: float = 1e-3
    crop: int = 224
    augment: AugmentSection = _AUGMENT


class FinetuneLoop(TuningLoop):
    """State of a run on pictures between its steps.

    Parameters
    ----------
    base, start : Model
    material : Material
    settings : FinetuneSettings
    plan, clock, device, enough
        As for `TuningLoop`.
    """

    settings: FinetuneSettings

    def __init__(
        self,
        base: Model,
        start: Model,
        material: Material,
        settings: FinetuneSettings,
        plan: Plan,
        clock: Clock,
        device: torch.device,
        enough: Callable[[], bool] | None = None,
    ) -> None:
        self.material = material
        card = base.card
        mean, std = card.normalisation.mean, card.normalisation.std
        self.normalizer = Normalizer(_three(mean), _three(std))
        self.loss = SegmentationLoss(card.n_classes, card.separation is not None)
        regularize = SelfRegularization(
            settings.lambda_scr, settings.lambda_ifd, seed=settings.seed
        )
        self.regularize = regularize if regularize.active else None
        super().__init__(base, start, settings, plan, clock, device, enough)

    def losses(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what a step descends, with gradient, and its named terms."""
        with own_randomness(self.settings.seed, step, self.device):
            return training_losses(
                self.network,
                self._crops(step),
                tapspec=self.base.tapspec,
                normalizer=self.normalizer,
                loss=self.loss,
                regularize=self.regularize,
                dtype=self.dtype,
                device=self.device,
                step=step,
            )

    def _crops(self, step: int) -> Batch:
        settings = self.settings
        return draw_crops(
            self.material.training,
            settings.augment,
            settings.batch,
            settings.crop,
            settings.seed,
            step,
        )

    def watched(self) -> Tensor:
        """Return the first crop of the run."""
        picture = self._crops(0).pictures[:1].to(self.device)
        return self.normalizer(picture)

    def score(self, network: nn.Module) -> tuple[float, ...]:
        """Return the Dice of every strip."""
        return tuple(
            dice_scores(
                network,
                self.material.strips,
                self.normalizer,
                self.n_classes,
                self.dtype,
                self.device,
                self.base.tapspec,
            )
        )


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue
