"""Random changes of training crops, each drawn from an explicit generator.

Geometry runs on whole batches through MONAI's layers; stains are changed per picture on the
8-bit values, where optical densities are exact.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from monai.networks.layers import AffineTransform, GaussianFilter
from torch import Tensor

from napari_selfreg.core.stain import jitter_stains
from napari_selfreg.engine.recipe import AugmentSection


def random_affine(
    rng: np.random.Generator, augment: AugmentSection
) -> tuple[npt.NDArray[np.float32], float]:
    """Draw a rotation, mirror and zoom.

    Parameters
    ----------
    rng : numpy.random.Generator
    augment : AugmentSection

    Returns
    -------
    matrix : ndarray of float32, shape (2, 3)
        From output to input coordinates, both measured in pixels from the centre.
    reach : float
        How far the input may be from the centre, relative to half the output size.
    """
    angle = math.radians(rng.uniform(-augment.rotation, augment.rotation))
    zoom = (1.0 + augment.scale) ** rng.uniform(-1.0, 1.0)
    mirror = rng.choice([-1.0, 1.0]) if augment.rotation > 0 else 1.0
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    matrix = np.array([[cos * mirror, -sin, 0.0], [sin * mirror, cos, 0.0]], dtype=np.float32)
    return matrix, (abs(cos) + abs(sin))


def warp(pictures: Tensor, matrices: Tensor, size: int, mode: str) -> Tensor:
    """Cut ``size x size`` crops out of the centre of larger windows, turned and zoomed.

    Parameters
    ----------
    pictures : Tensor of float32, shape (N, C, H, W)
    matrices : Tensor of float32, shape (N, 2, 3)
        As drawn by `random_affine`.
    size : int
        Height and width of the crops.
    mode : {"bilinear", "nearest"}

    Returns
    -------
    Tensor of float32, shape (N, C, size, size)
    """
    height, width = pictures.shape[-2:]
    # Normalised coordinates run over each own extent: rescale from output to input pixels.
    scale = torch.tensor([[size / width, size / width], [size / height, size / height]])
    theta = matrices.clone()
    theta[:, :, :2] *= scale
    layer = AffineTransform(
        spatial_size=(size, size),
        normalized=True,
        mode=mode,
        padding_mode="reflection",
        align_corners=False,
        reverse_indexing=False,
    )
    result: Tensor = layer(pictures, theta)
    return result


def random_stain(
    rgb: npt.NDArray[np.uint8], rng: np.random.Generator, augment: AugmentSection
) -> npt.NDArray[np.uint8]:
    """Change the amounts of haematoxylin, eosin and the rest.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (Y, X, 3)
    rng : numpy.random.Generator
    augment : AugmentSection

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
    """
    gain = 1.0 + rng.uniform(-augment.stain_gain, augment.stain_gain, 3)
    offset = rng.uniform(-augment.stain_offset, augment.stain_offset, 3)
    return jitter_stains(rgb, gain, offset)


def random_optics(pictures: Tensor, rng: np.random.Generator, augment: AugmentSection) -> Tensor:
    """Change brightness curve, sharpness and noise, picture by picture.

    Parameters
    ----------
    pictures : Tensor of float32, shape (N, 3, H, W), values 0 … 1
    rng : numpy.random.Generator
    augment : AugmentSection

    Returns
    -------
    Tensor of float32, shape (N, 3, H, W), values 0 … 1
    """
    changed = []
    for picture in pictures:
        gamma = (1.0 + augment.gamma) ** rng.uniform(-1.0, 1.0)
        picture = picture.clamp(0.0, 1.0) ** gamma
        if rng.random() < augment.blur_probability:
            picture = GaussianFilter(2, sigma=float(rng.uniform(0.3, 1.2)))(picture[None])[0]
        if rng.random() < augment.noise_probability:
            noise = rng.normal(0.0, rng.uniform(0.005, 0.03), picture.shape)
            picture = picture + torch.from_numpy(noise.astype(np.float32))
        changed.append(picture.clamp(0.0, 1.0))
    return torch.stack(changed)
