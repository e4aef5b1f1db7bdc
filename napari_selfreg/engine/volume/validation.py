"""Whole volumes through a network, and their Dice per class: at the network's own voxel size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.metrics.overlap import known_dice
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.core.tiles import ceil_to
from napari_selfreg.engine.volume.sampling import Case
from napari_selfreg.engine.wholes import accepted_shape, window_logits
from napari_selfreg.nets.outputs import main_logits
from napari_selfreg.nets.tapspec import TapSpec

_WHOLE = 4_000_000
"""Volumes of more voxels go through the network in overlapping windows."""
_SMALLEST_WINDOW = 96


@torch.inference_mode()
def volume_logits(
    network: nn.Module,
    voxels: npt.NDArray[np.float32],
    tapspec: TapSpec,
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return the logits of a whole volume.

    Parameters
    ----------
    network : nn.Module
        On `device`; set to evaluation mode.
    voxels : ndarray of float32, shape (Z, Y, X)
        As the network sees them; continued at their faces to a size that it accepts.
    tapspec : TapSpec
        Says which sizes those are.
    dtype : torch.dtype
        Of autocast; float32 switches it off.
    device : torch.device

    Returns
    -------
    Tensor of float32, shape (K + 1, Z, Y, X)
        On the CPU.
    """
    network.eval()
    volume = torch.from_numpy(np.ascontiguousarray(voxels))[None, None].to(device)
    sides = zip(accepted_shape(voxels.shape, tapspec), voxels.shape, strict=True)
    behind = [accepted - side for accepted, side in sides]
    pad = [n for missing in reversed(behind) for n in (0, missing)]  # torch begins with the last
    volume = functional.pad(volume, pad, mode="replicate")
    volume = volume.contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        logits = _forward(network, volume, tapspec)
    z, y, x = voxels.shape
    return logits[0, :, :z, :y, :x].float().cpu()


def class_dice(
    network: nn.Module,
    cases: Sequence[Case],
    tapspec: TapSpec,
    n_classes: int,
    *,
    dtype: torch.dtype,
    device: torch.device,
    absent: float = 1.0,
) -> npt.NDArray[np.float64]:
    """Return the Dice of every case and class.

    Parameters
    ----------
    network : nn.Module
    cases : sequence of Case
    tapspec : TapSpec
    n_classes : int
        Number of foreground classes K.
    dtype, device
        As for `volume_logits`.
    absent : float
        Score of a class that is neither there nor found.

    Returns
    -------
    ndarray of float64, shape (cases, K)
        Ignored voxels do not count.
    """
    scores = []
    for case in cases:
        logits = volume_logits(network, case.voxels, tapspec, dtype=dtype, device=device)
        found = logits.argmax(0).numpy()
        counted = case.labels != IGNORE
        each = [
            known_dice((found == one) & counted, case.labels == one)
            for one in range(1, n_classes + 1)
        ]
        scores.append([absent if dice is None else dice for dice in each])
    return np.array(scores, dtype=np.float64)


def _forward(network: nn.Module, volume: Tensor, tapspec: TapSpec) -> Tensor:
    window = tapspec.fixed_size
    if window is None and volume.numel() > _WHOLE:
        side = max(tapspec.min_size, _SMALLEST_WINDOW)
        window = (ceil_to(side, tapspec.size_multiple),) * 3
    if window is None or tuple(volume.shape[2:]) == window:
        return main_logits(network(volume), volume)
    return window_logits(network, volume, window, overlap=0.5, weights="gaussian")
