"""What one training step descends, of pictures and of volumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.outputs import one_logits
from napari_selfreg.nets.selfreg import RegularizerTerms, step_generator
from napari_selfreg.nets.taps import Taps


@dataclass(frozen=True)
class Addition:
    """What regularizers add to a step.

    Parameters
    ----------
    taps : context manager
        Captures what `terms` looks at: see `TapSpec.open`.
    terms : callable
        ``terms(taps, logits)``.
    """

    taps: AbstractContextManager[Taps]
    terms: Callable[[Taps, Tensor], RegularizerTerms]


def step_losses(
    network: nn.Module,
    inputs: Tensor,
    targets: Sequence[Tensor],
    *,
    loss: SegmentationLoss,
    layout: torch.memory_format,
    dtype: torch.dtype,
    addition: Addition | None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what a step descends, and its named terms.

    Parameters
    ----------
    network : nn.Module
        In the mode it is to be trained in.
    inputs : Tensor, shape (N, C, *spatial)
        As the network sees them, on its device.
    targets : sequence of Tensor, shape (N, *spatial)
        What `loss` compares the logits with, on the same device: classes, then contours if any.
    loss : SegmentationLoss
    layout : torch.memory_format
        Of the inputs in memory: that of the network's weights.
    dtype : torch.dtype
        Of autocast; float32 switches it off.
    addition : Addition or None
        Without it no tap is opened: a plain step pays nothing.

    Returns
    -------
    total : Tensor
        Scalar with gradient.
    terms : dict of str to Tensor
        Losses weighted, regularizers not.

    Raises
    ------
    BadModelError
        If the network returns anything but one tensor of logits.
    """
    inputs = inputs.contiguous(memory_format=layout)
    autocast = torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype != torch.float32)
    taps_open = nullcontext() if addition is None else addition.taps
    with taps_open as taps, autocast:
        logits = one_logits(network(inputs), inputs)
        terms = loss(logits, *targets)
        total = torch.stack(list(terms.values())).sum()
        if addition is not None and taps is not None:
            extra = addition.terms(taps, logits)
            total, terms = total + extra.total, terms | extra.terms
    return total, terms


@contextmanager
def own_randomness(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Let dropout draw from the seed and the step alone, and put torch's generator back.

    Parameters
    ----------
    seed, step : int
    device : torch.device
        Of the network.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(step_generator(seed, step).initial_seed())
        yield
