"""Mean squared differences between channels, in float32 accuracy, without float32 copies of maps.

The regularizers compare channels of large maps at every step. Written with plain tensor
operations that costs float32 copies of whole maps, slow gathers of single channels where a map is
stored channels-last, and as much again backward. Here one autograd function works through a map
piece by piece: small enough that the float32 part stays in the processor's cache, few enough that
threads seldom wait for each other. It keeps only the difference for backward, in the map's own
type, and picks channels of channels-last maps by multiplying with a matrix of zeros and ones,
which is exact and several times faster. The results equal the plain form's up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_selfreg.nets.precision import wide_type, without_autocast

_PIECE = 1 << 21  # values of a map that are in float32 at a time, on a CPU: 8 MiB


@dataclass(frozen=True)
class Channels:
    """Which channels take part in :func:`mean_square_difference`.

    Parameters
    ----------
    plus
        Indices of channels of the map, none twice; all in order if None.
    minus
        As many other channels of the map, subtracted; none if None.
    target
        As many channels of the target; all in order if None.
    learn_plus
        False lets no gradient reach the channels ``plus`` (which then must be given).
    """

    plus: Tensor | None = None
    minus: Tensor | None = None
    target: Tensor | None = None
    learn_plus: bool = True


def mean_square_difference(
    maps: Tensor, channels: Channels | None = None, target: Tensor | None = None
) -> Tensor:
    """Return the mean of ``(maps[:, plus] - maps[:, minus] - target[:, channels]) ** 2``.

    Parameters
    ----------
    maps
        ``(N, C, *spatial)``, any floating type; gradients flow into it alone.
    channels
        Which channels; all if None.
    target
        Constant ``(N, C', *spatial)``, where ``C'`` may be 1 if all its channels are taken.

    Returns
    -------
    Tensor
        Scalar in float32, or float64 for float64 maps.
    """
    run: Any = _MeanSquareDifference.apply
    result: Tensor = run(maps, channels or Channels(), target)
    return result


def sample_pieces(maps: Tensor) -> Iterator[slice]:
    """Yield slices of the batch small enough for the cache; the whole batch off the CPU."""
    return pieces(maps, maps.shape[0])


def is_channels_last(maps: Tensor) -> bool:
    """Tell whether the channels of a pixel lie side by side in memory."""
    last = torch.channels_last if maps.ndim == 4 else torch.channels_last_3d
    return maps.shape[1] > 1 and maps.is_contiguous(memory_format=last)


class _MeanSquareDifference(torch.autograd.Function):
    """See :func:`mean_square_difference`."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, channels: Channels, target: Tensor | None) -> Tensor:
        rows = _multiplies(maps)
        difference = _by_rows if rows else _by_gathers
        kept, total = difference(maps, channels, target)
        ctx.save_for_backward(kept)
        ctx.rows, ctx.channels, ctx.shape = rows, channels, maps.shape
        return total / kept.numel()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        (kept,) = ctx.saved_tensors
        with without_autocast(kept.device):
            spread = _spread_rows if ctx.rows else _spread_channels
            grad = spread(kept, ctx.channels, ctx.shape, scale * (2.0 / kept.numel()))
        return grad, None, None


def _multiplies(maps: Tensor) -> bool:
    """Tell whether picking channels by a product is exact, and faster than gathering them."""
    exact = torch.get_float32_matmul_precision() == "highest"
    return exact and maps.device.type == "cpu" and is_channels_last(maps)


def pieces(maps: Tensor, length: int) -> Iterator[slice]:
    """Yield slices of an axis of that length along which maps are cut; see `sample_pieces`."""
    step = length
    if maps.device.type == "cpu" and maps.numel():
        step = max(1, _PIECE * length // maps.numel())
    for start in range(0, length, max(1, step)):
        yield slice(start, start + step)


def _rows(maps: Tensor) -> Tensor:
    """Return ``(N * pixels, C)``: a view for channels-last maps."""
    return maps.movedim(1, -1).reshape(-1, maps.shape[1])


def _by_rows(maps: Tensor, channels: Channels, target: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the difference ``(N * pixels, k)`` in the map's type and its sum of squares."""
    wide = wide_type(maps.dtype)
    own = _picking(maps.shape[1], wide, channels.plus, channels.minus)
    values = _rows(maps)
    other = None if target is None else _rows(target).to(wide)
    others = None if other is None else _picking(other.shape[1], wide, channels.target, None)
    kept = values.new_empty(len(values), values.shape[1] if own is None else own.shape[1])
    squares = []
    for piece in pieces(maps, len(values)):
        part = values[piece].to(wide)
        part = part if own is None else part @ own
        if other is not None:
            part = (
                part - other[piece]
                if others is None
                else part.addmm(other[piece], others, alpha=-1)
            )
        kept[piece] = part
        flat = part.reshape(-1)
        squares.append(flat.dot(flat))
    return kept, torch.stack(squares).sum()


def _by_gathers(maps: Tensor, channels: Channels, target: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the difference ``(N, k, *spatial)`` in the map's type and its sum of squares."""
    wide = wide_type(maps.dtype)
    picked, squares = [], []
    for piece in sample_pieces(maps):
        part = _pick(maps[piece], channels.plus).to(wide)
        if channels.minus is not None:
            part = part - _pick(maps[piece], channels.minus).to(wide)
        if target is not None:
            part = part - _pick(target[piece], channels.target).to(wide)
        picked.append(part.to(maps.dtype))
        squares.append(part.square().sum())
    return torch.cat(picked), torch.stack(squares).sum()


def _picking(
    channels: int, dtype: torch.dtype, plus: Tensor | None, minus: Tensor | None
) -> Tensor | None:
    """Return ``(channels, k)``: 1 where a channel is added, -1 where subtracted; None for all."""
    chosen = plus if plus is not None else minus
    if chosen is None:
        return None
    matrix = torch.zeros(channels, len(chosen), dtype=dtype)
    columns = torch.arange(len(chosen))
    if plus is not None:
        matrix[plus, columns] = 1
    if minus is not None:
        matrix[minus, columns] = -1
    return matrix


def _pick(maps: Tensor, index: Tensor | None) -> Tensor:
    """Return ``maps[:, index]``."""
    return maps if index is None else maps.index_select(1, index.to(maps.device))


def _spread_rows(kept: Tensor, channels: Channels, shape: torch.Size, scale: Tensor) -> Tensor:
    """Return the scaled difference on the channels it came from, with their signs."""
    plus = channels.plus if channels.learn_plus else None
    own = _picking(shape[1], kept.dtype, plus, channels.minus)
    if own is None:
        grad = kept * scale
    else:
        nothing = kept.new_zeros(())
        grad = torch.addmm(nothing, kept, own.T, beta=0, alpha=scale.item())
    return grad.view(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


def _spread_channels(kept: Tensor, channels: Channels, shape: torch.Size, scale: Tensor) -> Tensor:
    """Return the scaled difference on the channels it came from, with their signs."""
    scaled = kept * scale
    if channels.plus is None:
        return scaled
    grad = kept.new_zeros(shape)
    if channels.learn_plus:
        grad.index_copy_(1, channels.plus.to(kept.device), scaled)
    if channels.minus is not None:
        grad.index_copy_(1, channels.minus.to(kept.device), -scaled)
    return grad
