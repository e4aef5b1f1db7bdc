"""Whole volumes through a network, and their Dice per class: at the network's own voxel size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.volume.sampling import Case
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
    behind = [_accepted(side, axis, tapspec) - side for axis, side in enumerate(voxels.shape)]
    pad = [n for axis in (2, 1, 0) for n in (0, behind[axis])]  # torch begins with the last axis
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
        scores.append(
            [
                _dice((found == k) & counted, case.labels == k, absent)
                for k in range(1, n_classes + 1)
            ]
        )
    return np.array(scores, dtype=np.float64)


def _dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], absent: float) -> float:
    total = int(a.sum() + b.sum())
    return absent if total == 0 else 2.0 * int((a & b).sum()) / total


def _accepted(side: int, axis: int, tapspec: TapSpec) -> int:
    """Return the next side that the network accepts."""
    shortest = tapspec.min_size
    if tapspec.fixed_size is not None:
        shortest = tapspec.fixed_size[axis]
    wanted = max(side, shortest)
    return wanted if tapspec.fixed_size else wanted + -wanted % tapspec.size_multiple


def _forward(network: nn.Module, volume: Tensor, tapspec: TapSpec) -> Tensor:
    window = tapspec.fixed_size
    if window is None and volume.numel() > _WHOLE:
        multiple = tapspec.size_multiple
        side = max(tapspec.min_size, _SMALLEST_WINDOW)
        window = (side + -side % multiple,) * 3
    if window is None or tuple(volume.shape[2:]) == window:
        logits: Tensor = network(volume)
        return logits
    from monai.inferers import sliding_window_inference

    windows = sliding_window_inference(volume, window, 1, network, overlap=0.5, mode="gaussian")
    if not isinstance(windows, Tensor):
        raise TypeError("a network for training returns one tensor of logits")
    return windows
