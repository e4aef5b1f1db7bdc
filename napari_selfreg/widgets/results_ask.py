"""What the Results panel asks a person: where to save, what to import."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_selfreg.io.label_imports import IMPORT_FILTER
from napari_selfreg.io.outputs import output_paths

_PICTURES = "PNG, 300 dpi (*.png);;SVG, lines that stay lines (*.svg)"


def ask_folder(parent: QWidget, start: Path, title: str = "Save for QuPath") -> Path | None:
    """Return a folder for the files, None if she has changed her mind."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start))
    return Path(chosen) if chosen else None


def ask_to_replace(parent: QWidget, folder: Path, stem: str, compressed: bool) -> bool:
    """Tell whether files that are there already may be replaced."""
    there = [path.name for path in output_paths(folder, stem, compressed=compressed).values()
             if path.exists()]  # fmt: skip
    words = f"{', '.join(there)} of an earlier result will be replaced."
    return not there or agrees(parent, words)


def ask_picture(parent: QWidget, start: Path) -> Path | None:
    """Return the file of a picture, with a suffix; None if she has changed her mind."""
    chosen, kind = QFileDialog.getSaveFileName(parent, "Save picture", str(start), _PICTURES)
    if not chosen:
        return None
    path = Path(chosen)
    if path.suffix.lower() in (".png", ".svg"):
        return path  # the dialog has asked already whether it may be replaced
    path = path.with_name(path.name + (".svg" if kind.startswith("SVG") else ".png"))
    return path if not path.exists() or agrees(parent, f"{path.name} will be replaced.") else None


def ask_labels(parent: QWidget, start: Path, kinds: str = IMPORT_FILTER) -> Path | None:
    """Return the label file to import."""
    chosen, _ = QFileDialog.getOpenFileName(parent, "Import labels", str(start), kinds)
    return Path(chosen) if chosen else None


def agrees(parent: QWidget, words: str) -> bool:
    """Tell whether files may be replaced."""
    answer = QMessageBox.question(
        parent,
        "Replace files?",
        words,
        QMessageBox.StandardButton.Save | QMessageBox.StandardButton.Cancel,
    )
    return bool(answer == QMessageBox.StandardButton.Save)
