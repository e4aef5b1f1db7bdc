"""One or two sentences for the methods section of a report or paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_selfreg.core.types import PixelSize, PostProcessing, UmSource

_SOURCES = {
    "option": "given by the user",
    "file": "stated by the image file",
    "model": "assumed from the model, since the image states none",
}


@dataclass(frozen=True, slots=True)
class Method:
    """How objects were made.

    Parameters
    ----------
    software_version : str
        Of this package.
    model_title, model_name, model_version : str
        Of the model; no title for labels that were imported.
    classes : sequence of str
        What was segmented.
    pixel_size : PixelSize
        Of the image at full resolution.
    source : {"option", "file", "model"}
        Who stated it.
    settings : PostProcessing
        How probabilities became objects.
    tta : bool
        Whether eight views were averaged.
    corrected : bool
        Whether a person has changed the objects.
    citation : str
        Whom to cite for the model.
    """

    software_version: str
    model_title: str
    model_name: str
    model_version: str
    classes: Sequence[str]
    pixel_size: PixelSize
    source: UmSource
    settings: PostProcessing
    tta: bool = False
    corrected: bool = False
    citation: str = ""


def methods_sentence(method: Method) -> str:
    """Return the sentences.

    Examples
    --------
    >>> um = PixelSize.isotropic(0.5)
    >>> made = Method("1.0", "Glands", "glands", "ab12", ["gland"], um, "file", PostProcessing())
    >>> print(methods_sentence(made))  # doctest: +ELLIPSIS
    Objects (gland) were segmented with napari-selfreg 1.0, model “Glands” (glands, version ab12)...
    """
    size = _size(method.pixel_size)
    if not method.model_title:
        first = (
            f"Objects were imported as labels and measured with napari-selfreg "
            f"{method.software_version}, at {size} ({_SOURCES[method.source]})"
        )
    else:
        version = f", version {method.model_version}" if method.model_version else ""
        first = (
            f"Objects ({', '.join(method.classes)}) were segmented with napari-selfreg "
            f"{method.software_version}, model “{method.model_title}” "
            f"({method.model_name}{version}), at {size} ({_SOURCES[method.source]}), with "
            f"{_settings(method)}"
        )
    corrected = ", and corrected by hand" if method.corrected else ""
    citation = method.citation.strip().rstrip(".")
    return f"{first}{corrected}." + (f" Model: {citation}." if citation else "")


def _settings(method: Method) -> str:
    settings = method.settings
    parts = [f"a probability threshold of {settings.threshold:.2f}"]
    if settings.min_area_um2:
        parts.append(f"objects below {settings.min_area_um2:.4g} µm² removed")
    if settings.max_hole_um2:
        parts.append(f"holes up to {settings.max_hole_um2:.4g} µm² filled")
    parts.append(f"separation {settings.separation:.2f} (0 to 1)")
    if method.tta:
        parts.append("probabilities averaged over eight turned and mirrored views")
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _size(size: PixelSize) -> str:
    if abs(size.y - size.x) < 1e-4 * size.x:
        return f"{size.x:.4g} µm/px"
    return f"{size.x:.4g} × {size.y:.4g} µm/px (x × y)"
