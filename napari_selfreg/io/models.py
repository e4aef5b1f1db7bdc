"""The models that come with the package, and finding one by name or path."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari_selfreg.core.defaults import DEFAULT_MODEL
from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io.bundle import SUFFIX

MODELS_FOLDER = Path(__file__).resolve().parent.parent / "models"
SUMS_FILE = "SHA256SUMS"


def bundled_models() -> dict[str, Path]:
    """Return name -> file of the models inside the package, the default one first."""
    found = {path.stem: path for path in sorted(MODELS_FOLDER.glob(f"*{SUFFIX}"))}
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT_MODEL, item[0])))


def find_model(name_or_path: str | Path) -> Path:
    """Return the file of a model.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a bundled model, or the path of any bundle. A bundled name wins over a file of
        the same name in the working folder; give ``./NAME`` for that one.

    Returns
    -------
    Path

    Raises
    ------
    BadModelError
        If there is neither.
    """
    bundled = bundled_models()
    if isinstance(name_or_path, str) and name_or_path in bundled:
        return bundled[name_or_path]
    with suppress(RuntimeError):  # ~nobody has no home
        path = Path(name_or_path).expanduser()
        if path.exists():
            return path
    names = ", ".join(bundled) or "none is bundled"
    raise BadModelError(
        f"There is no model {str(name_or_path)!r}: give one of the bundled names ({names}) or the "
        f"path of a {SUFFIX} file."
    )


def recorded_hashes() -> dict[str, str]:
    """Return file name -> SHA-256 as recorded when the models were released."""
    sums = MODELS_FOLDER / SUMS_FILE
    if not sums.is_file():
        return {}
    pairs = (line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines() if line)
    return {name.lstrip("*").strip(): digest for digest, name in pairs}
