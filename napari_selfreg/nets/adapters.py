"""Output adapters: turn what a module returns into a channel-first feature map.

An adapter is named in a :class:`~napari_selfreg.nets.tapspec.Tap` by a JSON-able string, a chain
of steps joined by ``|``, applied from left to right:

``identity``
    The output already is a tensor ``(N, C, *spatial)``.
``input``
    Take the first positional argument of the module instead of its output (first step only).
``item:I``
    Element ``I`` of a tuple or list.
``tokens:HxW`` or ``tokens:ZxHxW``
    Transformer tokens ``(N, L, C)`` with ``L = H * W`` become ``(N, C, H, W)``.
``tokens``
    The same with equal sides, in as many dimensions as the taps have.
``channels_last``
    ``(N, *spatial, C)`` becomes ``(N, C, *spatial)``.
"""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from napari_selfreg.core.errors import BadModelError

_STEP = re.compile(
    r"identity|input|channels_last|item:-?\d+|tokens|tokens:[1-9]\d*(x[1-9]\d*){0,2}",
)


def check_adapter(adapter: str) -> None:
    """Raise unless every step of ``adapter`` is known.

    Parameters
    ----------
    adapter
        Chain of steps, see the module's description.

    Raises
    ------
    BadModelError
        For an unknown step, or ``input`` anywhere but first.
    """
    steps = adapter.split("|")
    for position, step in enumerate(steps):
        if not _STEP.fullmatch(step) or (step == "input" and position > 0):
            raise BadModelError(
                f"The tap adapter {adapter!r} has an unknown step {step!r}; use identity, input, "
                "item:I, tokens, tokens:HxW or channels_last."
            )


def adapt(adapter: str, inputs: tuple[object, ...], output: object, spatial_dims: int) -> Tensor:
    """Return the feature map ``(N, C, *spatial)`` that ``adapter`` finds in a module's output.

    Parameters
    ----------
    adapter
        Chain of steps, see the module's description.
    inputs, output
        What the module was called with and what it returned.
    spatial_dims
        2 or 3.

    Returns
    -------
    Tensor

    Raises
    ------
    BadModelError
        If the result is not a tensor of ``spatial_dims + 2`` dimensions.
    """
    value: object = output
    for step in adapter.split("|"):
        value = _apply(step, inputs, value, spatial_dims)
    if not isinstance(value, Tensor):
        raise BadModelError(
            f"The adapter {adapter!r} gives a {type(value).__name__} where a feature map is needed."
        )
    if value.ndim != spatial_dims + 2:
        raise BadModelError(
            f"The adapter {adapter!r} gives a tensor of shape {tuple(value.shape)} where "
            f"{spatial_dims} spatial dimensions are needed."
        )
    return value


def _apply(step: str, inputs: tuple[object, ...], value: object, spatial_dims: int) -> object:
    """Apply one step."""
    if step == "identity":
        return value
    if step == "input":
        return inputs[0] if inputs else None
    if step.startswith("item:"):
        return _item(value, int(step[5:]))
    if not isinstance(value, Tensor):
        return value
    if step == "channels_last":
        return torch.movedim(value, -1, 1)
    return _grid_of_tokens(value, step, spatial_dims)


def _item(value: object, index: int) -> object:
    """Return one element of a tuple or list."""
    if not isinstance(value, (tuple, list)) or not -len(value) <= index < len(value):
        raise BadModelError(f"The tapped module returns nothing at index {index}.")
    return value[index]


def _grid_of_tokens(tokens: Tensor, step: str, spatial_dims: int) -> Tensor:
    """Reshape tokens ``(N, L, C)`` to ``(N, C, *grid)``."""
    if tokens.ndim != 3:
        raise BadModelError(f"Tokens must be (N, L, C), not of shape {tuple(tokens.shape)}.")
    if step == "tokens":
        side = round(tokens.shape[1] ** (1 / spatial_dims))
        grid = [side] * spatial_dims
    else:
        grid = [int(part) for part in step[len("tokens:") :].split("x")]
    if math.prod(grid) != tokens.shape[1]:
        raise BadModelError(
            f"{tokens.shape[1]} tokens do not fill a grid of {'x'.join(map(str, grid))}."
        )
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *grid)
