"""Model files a person has added: they stay in the list of models on this computer."""

from __future__ import annotations

from pathlib import Path

from napari_selfreg.io import kept

FILE_NAME = "models.json"
_MOST = 100


def added_models() -> list[Path]:
    """Return the files that were added and are still there, in the order of adding."""
    return [path for path in _stored() if path.is_file()]


def remember_model(path: Path) -> None:
    """Keep a model in the list; never fails.

    Parameters
    ----------
    path : Path
        A bundle that can be used.
    """
    path = path.resolve()
    _write([*(other for other in _stored() if other != path), path][-_MOST:])


def forget_model(path: Path) -> None:
    """Take a model out of the list; the file stays."""
    path = path.resolve()
    _write([other for other in _stored() if other != path])


def _stored() -> list[Path]:
    content = kept.load(FILE_NAME)
    texts = content if isinstance(content, list) else []
    return [Path(text) for text in texts if isinstance(text, str) and text]


def _write(paths: list[Path]) -> None:
    kept.store(FILE_NAME, [str(path) for path in paths])
