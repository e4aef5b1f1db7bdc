"""What a network's output channels mean.

The first ``K + 1`` channels are the logits of background and ``K`` classes (softmax); with
``separation == "contour"`` one more, the last, is the logit of the objects' inner contour.
"""

from __future__ import annotations

from typing import Literal

import torch

Separation = Literal["contour"] | None


def output_channels(n_classes: int, separation: Separation) -> int:
    """Return how many channels a network must have for `n_classes` foreground classes."""
    return n_classes + 1 + (separation == "contour")


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
