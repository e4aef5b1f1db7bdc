"""What a network's output channels mean.

The first ``K + 1`` channels are the logits of background and ``K`` classes (softmax); with
``separation == "contour"`` one more, the last, is the logit of the objects' inner contour.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from napari_selfreg.core.errors import BadModelError

Separation = Literal["contour"] | None


def output_channels(n_classes: int, separation: Separation) -> int:
    """Return how many channels a network must have for `n_classes` foreground classes."""
    return n_classes + 1 + (separation == "contour")


def main_logits(output: object, images: Tensor, channels: int | None = None) -> Tensor:
    """Return the logits among what a network returned for prediction.

    Parameters
    ----------
    output : object
        A tensor, or with deep supervision a list or tuple: its first is of full size.
    images : Tensor, shape (N, C, *spatial)
        What the network was given.
    channels : int, optional
        How many the logits must have.

    Returns
    -------
    Tensor, shape (N, channels, *spatial)

    Raises
    ------
    BadModelError
        If there is no such tensor.
    """
    first = output[0] if isinstance(output, list | tuple) and output else output
    return one_logits(first, images, channels)


def one_logits(output: object, images: Tensor, channels: int | None = None) -> Tensor:
    """Return the logits if they are all that a network returned, as training needs it.

    Parameters
    ----------
    output : object
        What the network returned.
    images : Tensor, shape (N, C, *spatial)
        What it was given.
    channels : int, optional
        How many the logits must have.

    Returns
    -------
    Tensor, shape (N, channels, *spatial)

    Raises
    ------
    BadModelError
        If it is another thing.
    """
    if not isinstance(output, Tensor):
        raise _no_logits(f"a {type(output).__name__}", images, channels)
    wanted = (images.shape[0], output.shape[1:2].numel() if channels is None else channels)
    if tuple(output.shape) != (*wanted, *images.shape[2:]):
        raise _no_logits(f"a tensor of shape {tuple(output.shape)}", images, channels)
    return output


def _no_logits(given: str, images: Tensor, channels: int | None) -> BadModelError:
    wanted = ("N", "K" if channels is None else channels, *images.shape[2:])
    shape = ", ".join(map(str, wanted))
    return BadModelError(
        f"The network returns {given} where one tensor of logits ({shape}) is needed: put it into "
        "a module that returns these alone, or build it without deep supervision."
    )


def to_probabilities(logits: torch.Tensor, n_classes: int, separation: Separation) -> torch.Tensor:
    """Turn logits into probabilities of what a person asks for.

    Parameters
    ----------
    logits : Tensor, shape (N, C, Y, X) or (N, C, Z, Y, X)
        The network's output, ``C = output_channels(n_classes, separation)``.
    n_classes : int
        Foreground classes ``K``.
    separation : {"contour", None}
        Whether the last channel is a contour.

    Returns
    -------
    Tensor of float32, shape (N, K[+1], ...)
        Probability of each foreground class, then of the contour. Background is left out.

    Raises
    ------
    ValueError
        If the number of channels does not fit.
    """
    expected = output_channels(n_classes, separation)
    if logits.shape[1] != expected:
        raise ValueError(f"expected {expected} output channels, the network gave {logits.shape[1]}")
    logits = logits.float()
    classes = logits[:, : n_classes + 1].softmax(dim=1)[:, 1:]
    if separation is None:
        return classes
    return torch.cat([classes, logits[:, n_classes + 1 :].sigmoid()], dim=1)
