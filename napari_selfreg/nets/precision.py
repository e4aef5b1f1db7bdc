"""Which type the regularizers compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def wide_type(dtype: torch.dtype) -> torch.dtype:
    """Return the type to compute in: float64 for float64, else float32."""
    return torch.promote_types(dtype, torch.float32)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which no operation on ``device`` is cast to half precision."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()  # autocast raises for devices that it does not know
