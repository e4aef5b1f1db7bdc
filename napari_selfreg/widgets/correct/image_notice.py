"""What to say of the image of a field that is not where it was, or not as it was."""

from __future__ import annotations

from napari_selfreg.io.project import Project

MISSING = "The image of {} is not where it was: press Locate… to say where it is now."
CHANGED = (
    "The image of {} has changed since it was corrected: press Locate… to choose the original, or "
    "this one if the objects still fit."
)


def image_notice(project: Project | None, field: str | None) -> str:
    """Return what is wrong with the image of a field; empty while it is found.

    Parameters
    ----------
    project : Project or None
        The open one; its disk is asked for one file.
    field : str or None
        Id of the field.
    """
    known = {} if project is None else {record.id: record.stem for record in project.fields}
    if project is None or field is None or field not in known:
        return ""
    words = {"missing": MISSING, "changed": CHANGED}
    return words.get(project.images.state(field), "").format(known[field])
