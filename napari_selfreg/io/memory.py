"""Refusing what does not fit, before the machine starts to swap."""

from __future__ import annotations

from napari_selfreg.core.errors import BadInputError

_SHARE = 0.7
_REMEDY = "save it as a tiled, pyramidal TIFF, which is read piece by piece."


def free_memory() -> int:
    """Bytes that can be used now without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def require_memory(
    needed: int, name: str, remedy: str = _REMEDY, *, free: int | None = None
) -> None:
    """Raise `BadInputError` if `needed` bytes are more than 70 % of the free memory.

    Parameters
    ----------
    needed : int
        Bytes that it takes at its peak, such as the reading of an image.
    name : str
        What needs them, for the message: the name of a file, or what is done.
    remedy : str
        How the message ends: what to do about it.
    free : int, optional
        Bytes that are free where it is done; by default those of this computer.
    """
    free = free_memory() if free is None else free
    if needed > _SHARE * free:
        raise BadInputError(
            f"{name} needs {needed / 1e9:.1f} GB of memory at once and {free / 1e9:.1f} GB are "
            f"free: {remedy}"
        )
