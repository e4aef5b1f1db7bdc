"""Refusing what does not fit, before the machine starts to swap."""

from __future__ import annotations

from napari_selfreg.core.errors import BadInputError

_SHARE = 0.7
_REMEDY = "save it as a tiled, pyramidal TIFF, which is read piece by piece."


def free_memory() -> int:
    """Bytes that can be used now without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def require_memory(needed: int, name: str, remedy: str = _REMEDY) -> None:
    """Raise `BadInputError` if `needed` bytes are more than 70 % of the free memory.

    Parameters
    ----------
    needed : int
        Bytes that reading the image takes at its peak.
    name : str
        File name for the message.
    remedy : str
        How the message ends: what to do about it.
    """
    free = free_memory()
    if needed > _SHARE * free:
        raise BadInputError(
            f"{name} needs {needed / 1e9:.1f} GB of memory at once and {free / 1e9:.1f} GB are "
            f"free: {remedy}"
        )
