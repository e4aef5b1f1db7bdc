"""SCR and IFD together, weighted: what a training step adds to its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.decorrelation import decorrelation_terms
from napari_selfreg.nets.ifd import ifd_terms
from napari_selfreg.nets.scr import Pairing, check_pairing, scr_terms
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class RegularizerTerms:
    """What one call of :class:`SelfRegularization` gives.

    Parameters
    ----------
    total
        Weighted sum, a float32 scalar with gradient: add it to the segmentation loss.
    terms
        Unweighted float32 scalars without gradient, for logs: ``"scr"``, ``"ifd"`` and one per
        block, ``"scr/E2"``… (and ``"decorrelation"`` likewise).
    """

    total: Tensor
    terms: dict[str, Tensor]


class SelfRegularization:
    """Self-regularization of any tapped network, in training only.

    ``total = lambda_scr * SCR + lambda_ifd * IFD``, where SCR is the mean over all
    student blocks and IFD the mean over ``E2…B`` plus the mean over ``Dn…D2`` (Zhu et al.,
    MICCAI 2024). A weight of 0 skips its terms altogether.

    Parameters
    ----------
    lambda_scr, lambda_ifd
        Weights; 0.015 each is the paper's best.
    lambda_decorrelation
        Weight of our own :func:`~napari_selfreg.nets.decorrelation.decorrelation_terms` (mean
        over all student blocks); off by default.
    pairing, normalize, detach_top, sort
        See :func:`~napari_selfreg.nets.scr.scr_terms` and
        :func:`~napari_selfreg.nets.ifd.ifd_terms`.
    seed
        With the step's number it seeds the channel choice, so a resumed training draws what an
        uninterrupted one would. torch's global generator is not touched.

    Raises
    ------
    BadInputError
        If a weight is negative or not finite, the seed negative or the pairing unknown; when it
        is called, if the batch is empty.
    """

    def __init__(
        self,
        lambda_scr: float = 0.015,
        lambda_ifd: float = 0.015,
        lambda_decorrelation: float = 0.0,
        *,
        pairing: Pairing = "random",
        normalize: bool = False,
        detach_top: bool = False,
        sort: bool = True,
        seed: int = 0,
    ) -> None:
        for value in (lambda_scr, lambda_ifd, lambda_decorrelation):
            if not 0 <= value < float("inf"):
                raise BadInputError(f"A regularizer's weight must be 0 or more, not {value}.")
        if seed < 0:
            raise BadInputError(f"The regularizer's seed must be 0 or more, not {seed}.")
        check_pairing(pairing)
        self.lambda_scr = lambda_scr
        self.lambda_ifd = lambda_ifd
        self.lambda_decorrelation = lambda_decorrelation
        self.pairing: Pairing = pairing
        self.normalize = normalize
        self.detach_top = detach_top
        self.sort = sort
        self.seed = seed
        self.step = 0

    @property
    def active(self) -> bool:
        """False if all weights are 0: no taps are needed."""
        return max(self.lambda_scr, self.lambda_ifd, self.lambda_decorrelation) > 0

    def state(self) -> dict[str, int]:
        """Return seed and next step, JSON-able."""
        return {"seed": self.seed, "step": self.step}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Continue where :meth:`state` was taken."""
        self.seed, self.step = int(state["seed"]), int(state["step"])

    def __call__(
        self, taps: Mapping[str, Tensor], spec: TapSpec, *, step: int | None = None
    ) -> RegularizerTerms:
        """Return the weighted total and the named terms.

        Parameters
        ----------
        taps
            Feature maps ``(N, C, *spatial)`` of one forward pass.
        spec
            The network's taps.
        step
            Number of the optimisation step; counted by itself if None.
        """
        if len(taps[spec.teacher_block]) == 0:
            raise BadInputError("The batch is empty: leave this step out.")
        step = self.step if step is None else step
        self.step = step + 1
        total = torch.zeros((), device=taps[spec.teacher_block].device)
        terms: dict[str, Tensor] = {}
        if self.lambda_scr > 0:
            scr = self._scr(taps, spec, step)
            total = total + self.lambda_scr * _record(terms, "scr", scr, [spec.student_blocks])
        if self.lambda_ifd > 0:
            ifd = self._ifd(taps, spec)
            groups = [spec.encoder_students, spec.decoder_students]
            total = total + self.lambda_ifd * _record(terms, "ifd", ifd, groups)
        if self.lambda_decorrelation > 0:
            own = decorrelation_terms(taps, spec)
            mean = _record(terms, "decorrelation", own, [spec.student_blocks])
            total = total + self.lambda_decorrelation * mean
        return RegularizerTerms(total, terms)

    def _scr(self, taps: Mapping[str, Tensor], spec: TapSpec, step: int) -> dict[str, Tensor]:
        return scr_terms(
            taps,
            spec,
            generator=step_generator(self.seed, step),
            pairing=self.pairing,
            normalize=self.normalize,
        )

    def _ifd(self, taps: Mapping[str, Tensor], spec: TapSpec) -> dict[str, Tensor]:
        return ifd_terms(
            taps, spec, sort=self.sort, detach_top=self.detach_top, normalize=self.normalize
        )


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return a CPU generator that depends on seed and step alone."""
    mixed = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) & 0x7FFF_FFFF_FFFF_FFFF)


def _record(
    terms: dict[str, Tensor], name: str, blocks: dict[str, Tensor], groups: Sequence[Sequence[str]]
) -> Tensor:
    """Add terms for the log; return the sum over groups of the mean over their blocks."""
    means = [
        torch.stack([blocks[f"{name}/{block}"] for block in group]).mean()
        for group in groups
        if group
    ]
    total = torch.stack(means).sum() if means else torch.zeros(())
    terms[name] = total.detach()
    terms.update({key: value.detach() for key, value in blocks.items()})
    return total
