"""How a job begins and ends, in words for a person."""

from __future__ import annotations

from napari.utils.notifications import show_error

from napari_selfreg.core.errors import SelfRegError

WAITING = "Waiting until another job has ended…"
STARTING = "Starting…"


def describe_result(count: int, seconds: float) -> str:
    """Return what was found, and what to do next."""
    if count == 0:
        return "No object was found: look at the pixel size, the area and what the model is for."
    objects = "1 object" if count == 1 else f"{count} objects"
    hint = "Point at one to read its measurements at the bottom of the window."
    return f"{objects} found in {seconds:.1f} s. {hint}"


def describe_relabelled(count: int) -> str:
    """Return what the sliders have made of a result."""
    if count == 0:
        return "No object is left: lower the threshold or the smallest size."
    return (
        "1 object with these settings." if count == 1 else f"{count} objects with these settings."
    )


def describe_failure(error: Exception) -> str:
    """Return one sentence about an error of a job, with what to do.

    Parameters
    ----------
    error : Exception
        Whatever left the job.
    """
    if isinstance(error, SelfRegError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this area: take the current view or a smaller shape."
    reason = str(error).strip().split("\n")[0][:200]
    return (
        f"The job has failed ({type(error).__name__}: {reason}). You can press Run again; the "
        "details are under Help > Show logs."
    )


def tell_failure(error: Exception) -> None:
    """Say in a notification why something small, which has no sentence of its own, has failed."""
    show_error(describe_failure(error))
