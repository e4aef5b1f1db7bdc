"""Haematoxylin and eosin as optical densities, and jitter of the two for training.

References
----------
.. [1] A. C. Ruifrok and D. A. Johnston, "Quantification of histochemical staining by color
   deconvolution", Analytical and Quantitative Cytology and Histology 23 (2001).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.color import hed_from_rgb, rgb_from_hed

_FLOOR = 1.0 / 255.0  # the darkest 8-bit value that still has a finite optical density
_LOG_10 = float(np.log(10.0))


def od_from_rgb(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return optical densities of an 8-bit picture.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (..., 3)

    Returns
    -------
    ndarray of float32, shape (..., 3)
        ``-log10(rgb / 255)``, 0 for white, at most about 2.4.
    """
    # 256 possible values: a table is much faster than a logarithm per pixel.
    table = -np.log10(np.maximum(np.arange(256) / 255.0, _FLOOR))
    return table.astype(np.float32)[rgb]


def rgb_from_od(density: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the 8-bit picture of optical densities, the inverse of `od_from_rgb`.

    Parameters
    ----------
    density : ndarray of float32, shape (..., 3)

    Returns
    -------
    ndarray of uint8, shape (..., 3)
    """
    transmitted = np.exp(density * np.float32(-_LOG_10)) * np.float32(255.0)
    return np.asarray(np.clip(np.rint(transmitted), 0, 255), dtype=np.uint8)


def separate_stains(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Unmix a picture into haematoxylin, eosin and the rest [1]_.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (..., 3)

    Returns
    -------
    ndarray of float32, shape (..., 3)
        Amount of haematoxylin, eosin and residual (DAB) stain in optical density units along
        Ruifrok's stain vectors; slightly negative where a colour lies outside them.
    """
    unmixed = od_from_rgb(rgb) @ hed_from_rgb.astype(np.float32)
    return np.asarray(unmixed, dtype=np.float32)


def jitter_stains(
    rgb: npt.NDArray[np.uint8], gain: npt.NDArray[Any], offset: npt.NDArray[Any]
) -> npt.NDArray[np.uint8]:
    """Scale and shift the amounts of the three stains.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (..., 3)
    gain : array_like of float, shape (3,)
        Factor for haematoxylin, eosin and residual; 1 keeps the amount.
    offset : array_like of float, shape (3,)
        Added amount in optical density units; 0 keeps the amount.

    Returns
    -------
    ndarray of uint8, shape (..., 3)
    """
    unmix, mix = hed_from_rgb.astype(np.float32), rgb_from_hed.astype(np.float32)
    # The three steps (unmix, scale, mix) are linear: one 3 x 3 matrix does them together.
    matrix = unmix @ np.diag(np.asarray(gain, dtype=np.float32)) @ mix
    density = od_from_rgb(rgb) @ matrix + np.asarray(offset, dtype=np.float32) @ mix
    return rgb_from_od(np.asarray(density, dtype=np.float32))
