"""Operations of a network whose result at one place depends on a few neighbours only.

Each knows which part of its input a part of its output needs, and computes that part exactly as
it would be inside the whole: zeros are padded at the border of the volume and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.core.blocks import Spans, common, sides, slices, whole

Shape = tuple[int, ...]
Numbers = tuple[int, ...]


class LocalOp(Protocol):
    """One operation; tensors are (1, C, *spatial), spans and shapes are spatial."""

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the result for inputs of `shape`."""
        ...

    def needs(self, wanted: Spans) -> Spans:
        """Return what part of every input is needed; it may hang over the border."""
        ...

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the wanted part of the result.

        Parameters
        ----------
        parts : sequence of Tensor
            Of each input what is needed and exists.
        wanted : Spans
            The part.
        limits : tuple of int
            Size of the whole inputs.
        spare : bool
            Whether the first part may be overwritten.

        Returns
        -------
        Tensor
        """
        ...


@dataclass(frozen=True, eq=False)
class Elementwise:
    """Anything that treats all places alike, and joining channels.

    Parameters
    ----------
    function : callable
        Of the parts.
    in_place : callable, optional
        The same on a tensor that may be overwritten.
    """

    function: Callable[..., Tensor]
    in_place: Callable[..., Tensor] | None = None

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the input."""
        return shape

    def needs(self, wanted: Spans) -> Spans:
        """Return what is wanted."""
        return wanted

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the function of the parts."""
        chosen = self.in_place if spare and self.in_place is not None else self.function
        return chosen(*parts)


@dataclass(frozen=True, eq=False)
class BatchNorm(Elementwise):
    """Batch normalisation with running statistics, kept apart so that it can be folded.

    Parameters
    ----------
    mean, variance : Tensor, shape (C,)
        Running statistics.
    weight, bias : Tensor, shape (C,), or None
        Scale and shift.
    eps : float
        Added to the variance.
    """

    mean: Tensor | None = None
    variance: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    eps: float = 1e-5


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that pads zeros.

    Parameters
    ----------
    weight : Tensor, shape (C_out, C_in, *kernel)
        Of the convolution.
    bias : Tensor, shape (C_out,), or None
        Of the convolution.
    stride, padding, dilation : tuple of int
        For each axis.
    groups : int
        Of channels.
    """

    weight: Tensor
    bias: Tensor | None
    stride: Numbers
    padding: Numbers
    dilation: Numbers
    groups: int = 1

    @property
    def _spread(self) -> list[int]:
        kernel = self.weight.shape[2:]
        return [d * (k - 1) for d, k in zip(self.dilation, kernel, strict=True)]

    @property
    def _mixes_channels_only(self) -> bool:
        single = max(self.weight.shape[2:]) == 1 and max(self.stride) == 1
        return single and max(self.padding) == 0 and self.groups == 1

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the result."""
        axes = zip(shape, self.stride, self.padding, self._spread, strict=True)
        return tuple((side + 2 * p - spread - 1) // s + 1 for side, s, p, spread in axes)

    def needs(self, wanted: Spans) -> Spans:
        """Return the wanted part and what the kernel covers around it."""
        axes = zip(wanted, self.stride, self.padding, self._spread, strict=True)
        return tuple(
            (start * s - p, (stop - 1) * s - p + spread + 1) for (start, stop), s, p, spread in axes
        )

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the convolution; equal margins are left to the library, others are copied."""
        (part,) = parts
        if self._mixes_channels_only:  # a product of matrices: several times as fast
            mixed = functional.linear(part.movedim(1, -1), self.weight.flatten(1), self.bias)
            return mixed.movedim(-1, 1)
        needed = self.needs(wanted)
        inside = common(needed, whole(limits))
        margins = [(i - n, m - j) for (n, m), (i, j) in zip(needed, inside, strict=True)]
        even = [before if before == after else 0 for before, after in margins]
        rest = [(b - e, a - e) for (b, a), e in zip(margins, even, strict=True)]
        if any(max(pair) for pair in rest):
            part = functional.pad(part, [n for pair in reversed(rest) for n in pair])
        convolve = {2: torch.conv2d, 3: torch.conv3d}[len(wanted)]
        return convolve(part, self.weight, self.bias, self.stride, even, self.dilation, self.groups)


@dataclass(frozen=True, eq=False)
class Transposed:
    """A transposed convolution.

    Parameters
    ----------
    weight : Tensor, shape (C_in, C_out, *kernel)
        Of the convolution.
    bias : Tensor, shape (C_out,), or None
        Of the convolution.
    stride, padding, extra : tuple of int
        For each axis; `extra` is what PyTorch calls output padding.
    groups : int
        Of channels.

    Raises
    ------
    ValueError
        If some elements of the result are reached by no input.
    """

    weight: Tensor
    bias: Tensor | None
    stride: Numbers
    padding: Numbers
    extra: Numbers
    groups: int = 1

    def __post_init__(self) -> None:
        if any(extra > p for extra, p in zip(self.extra, self.padding, strict=True)):
            raise ValueError("output padding beyond the padding")
        if any(k < s for k, s in zip(self.weight.shape[2:], self.stride, strict=True)):
            raise ValueError("a stride larger than the kernel")

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the result."""
        kernel = self.weight.shape[2:]
        axes = zip(shape, self.stride, self.padding, self.extra, kernel, strict=True)
        return tuple((side - 1) * s - 2 * p + k + extra for side, s, p, extra, k in axes)

    def needs(self, wanted: Spans) -> Spans:
        """Return every element that reaches the wanted part."""
        axes = zip(wanted, self.stride, self.padding, self.weight.shape[2:], strict=True)
        return tuple(
            (-((k - 1 - start - p) // s), (stop - 1 + p) // s + 1)
            for (start, stop), s, p, k in axes
        )

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the wanted part of what the part of the input makes."""
        inside = common(self.needs(wanted), whole(limits))
        convolve = {2: torch.conv_transpose2d, 3: torch.conv_transpose3d}[len(wanted)]
        made = convolve(parts[0], self.weight, self.bias, self.stride, groups=self.groups)
        return _cut(made, wanted, [
            start * s - p
            for (start, _), s, p in zip(inside, self.stride, self.padding, strict=True)
        ])  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pooling:
    """Pooling without padding.

    Parameters
    ----------
    function : callable
        ``function(part, kernel, stride)``.
    kernel, stride : tuple of int
        For each axis.
    """

    function: Callable[..., Tensor]
    kernel: Numbers
    stride: Numbers

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the result."""
        axes = zip(shape, self.kernel, self.stride, strict=True)
        return tuple((side - k) // s + 1 for side, k, s in axes)

    def needs(self, wanted: Spans) -> Spans:
        """Return what the kernels cover."""
        axes = zip(wanted, self.kernel, self.stride, strict=True)
        return tuple((start * s, (stop - 1) * s + k) for (start, stop), k, s in axes)

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the pooled part."""
        return self.function(parts[0], self.kernel, self.stride)


@dataclass(frozen=True, eq=False)
class Nearest:
    """Enlarging by repeating elements.

    Parameters
    ----------
    factor : tuple of int
        For each axis.
    """

    factor: Numbers

    def shape(self, shape: Shape) -> Shape:
        """Return the size of the result."""
        return tuple(side * f for side, f in zip(shape, self.factor, strict=True))

    def needs(self, wanted: Spans) -> Spans:
        """Return the elements that are repeated."""
        axes = zip(wanted, self.factor, strict=True)
        return tuple((start // f, (stop - 1) // f + 1) for (start, stop), f in axes)

    def compute(self, parts: Sequence[Tensor], wanted: Spans, limits: Shape, spare: bool) -> Tensor:
        """Return the wanted part of the enlarged part."""
        first = [start * f for (start, _), f in zip(self.needs(wanted), self.factor, strict=True)]
        made = functional.interpolate(parts[0], scale_factor=[float(f) for f in self.factor])
        return _cut(made, wanted, first)


def _cut(values: Tensor, wanted: Spans, first: Sequence[int]) -> Tensor:
    """Return the wanted part of values whose first element lies at `first`."""
    place = tuple((f, f + side) for f, side in zip(first, values.shape[2:], strict=True))
    if sides(place) == sides(wanted):
        return values
    return values[(slice(None), slice(None), *slices(wanted, place))]
