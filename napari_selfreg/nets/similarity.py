"""How alike the channels of a feature map are."""

from __future__ import annotations

from torch import Tensor

from napari_selfreg.nets.precision import wide_type, without_autocast

_SMALLEST = 1e-12  # of a channel's sum of squares: below it, a channel counts as dead
_ROUNDING = 1e-12  # of it, what rounding leaves when the mean of a constant channel is subtracted


def channel_similarity(maps: Tensor, *, centred: bool = False) -> Tensor:
    """Return the cosine similarity of every pair of channels over space.

    Parameters
    ----------
    maps
        ``(N, C, *spatial)``, any floating type.
    centred
        Subtract each channel's mean first (Pearson correlation). Without it, similarities of maps
        after a ReLU are never negative, and high for maps that are active nearly everywhere.

    Returns
    -------
    Tensor
        ``(N, C, C)``, float32 (float64 for float64 maps), with gradient. A dead channel has
        similarity 0 to every other; centred, so has one without contrast, as in
        `napari_selfreg.core.channels`.
    """
    with without_autocast(maps.device):
        # As (N, pixels, C) this is a view of channels-last maps and of others alike.
        rows = maps.movedim(1, -1).flatten(1, -2).to(wide_type(maps.dtype))
        if not centred:
            return _cosines(rows.transpose(1, 2) @ rows)
        means = rows.mean(1, keepdim=True)
        centred_rows = rows - means
        products = centred_rows.transpose(1, 2) @ centred_rows
        flat = _without_contrast(products, means[:, 0], rows.shape[1])
        return _cosines(products).masked_fill(flat[:, :, None] | flat[:, None, :], 0)


def _cosines(products: Tensor) -> Tensor:
    """Return products ``(N, C, C)`` of channels divided by both norms."""
    squares = products.diagonal(dim1=1, dim2=2).clamp_min(_SMALLEST)
    return products * (squares[:, :, None] * squares[:, None, :]).rsqrt()


def _without_contrast(products: Tensor, means: Tensor, pixels: int) -> Tensor:
    """Return which channels ``(N, C)`` vary by no more than rounding; products are centred."""
    left = products.detach().diagonal(dim1=1, dim2=2)
    # "at most", not "not above": what is not a number must be seen
    return left <= _ROUNDING * (left + pixels * means.detach().square())


def off_diagonal_mean(similarity: Tensor) -> Tensor:
    """Return the mean of ``(N, C, C)`` over samples and pairs of different channels."""
    samples, channels, _ = similarity.shape
    if channels < 2:
        return similarity.sum() * 0.0
    others = similarity.sum() - similarity.diagonal(dim1=1, dim2=2).sum()
    return others / (samples * channels * (channels - 1))
