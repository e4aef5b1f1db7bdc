"""What a person does with a result: save it, show it, cite it, or bring labels from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication, QWidget

from napari_selfreg import __version__
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import Box, PostProcessing
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.label_imports import IMPORT_FILTER
from napari_selfreg.io.methods_text import Method, methods_sentence
from napari_selfreg.widgets.exchange_job import Imported, ImportRequest, run_import, save_picture
from napari_selfreg.widgets.guards import reveal
from napari_selfreg.widgets.image_layers import source_info, um_source
from napari_selfreg.widgets.latest import LANE
from napari_selfreg.widgets.layers import is_picture
from napari_selfreg.widgets.result_info import IMPORTED, ResultInfo, is_touched, result_info
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.result_plane import label_plane, label_view
from napari_selfreg.widgets.results_ask import ask_folder, ask_labels, ask_picture, ask_to_replace
from napari_selfreg.widgets.results_form import ResultsForm
from napari_selfreg.widgets.results_job import save_results
from napari_selfreg.widgets.results_snapshot import image_of, stem_of, take_import, take_snapshot
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentences import WAITING, describe_failure
from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.volume.importing import (
    VOLUME_IMPORT_FILTER,
    VolumeImport,
    add_imported,
    describe_import,
    run_volume_import,
    take_volume_import,
)
from napari_selfreg.widgets.volume.layers import is_volume
from napari_selfreg.widgets.volume.segment_job import VolumeFound

OUTLINE = "#ffff00"
OUT_OF_VIEW = "The result is not in view: move it into the window."
_SHOWN = 90

NO_IMAGE = "Open the image first, then import its labels."


class ResultsActions(QObject):
    """Runs what the buttons of the Results panel ask for, one thing at a time.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds results and images.
    form : ResultsForm
        Its buttons.
    parent : QWidget
        The panel.
    """

    def __init__(self, viewer: Any, form: ResultsForm, parent: QWidget) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._form = form
        self._panel = parent
        self._layer: Any = None
        self._shared = shared_for(viewer)
        self._finish: Any = None
        self._import: tuple[ImportRequest | VolumeImport, Any] | None = None
        self.runner = JobRunner(parent, LANE)
        form.save_button.clicked.connect(self.save)
        form.view_button.clicked.connect(self.save_view)
        form.field_button.clicked.connect(self.save_field)
        form.copy_button.clicked.connect(self.copy)
        form.import_button.clicked.connect(self.import_labels)
        form.cancel_button.clicked.connect(self.cancel)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)

    def setLayer(self, layer: Any) -> None:
        """Turn to another result, or none."""
        self._layer = layer
        if not self.runner.running:
            self.tell("")
        self._refresh()

    def tell(self, text: str) -> None:
        """Show a sentence."""
        self._form.status.setText(text)

    def answer(self, text: str) -> None:
        """Show what came of a click, even where the panel is low and has to scroll for it."""
        self.tell(text)
        reveal(self._form.status)

    def cancel(self) -> None:
        """Stop what runs."""
        if self.runner.running:
            self.runner.cancel()
            self._refresh()

    def save(self) -> None:
        """Write the three files of the result."""
        info = result_info(self._layer)
        folder = ask_folder(self._panel, self._folder()) if info is not None else None
        compressed = self._form.compressed.isChecked()
        if folder is None or info is None:
            return
        if not ask_to_replace(self._panel, folder, info.stem, compressed):
            return
        snapshot = take_snapshot(self._viewer, self._layer)
        self._start(self._on_saved, save_results, snapshot, folder, compressed)

    def save_view(self) -> None:
        """Save a picture of what the window shows of the result."""
        box = label_view(self._viewer, self._layer)
        if box.empty:
            self.answer(OUT_OF_VIEW)
        else:
            self._save_picture(box, "view")

    def save_field(self) -> None:
        """Save a picture of the whole result."""
        self._save_picture(Box(0, 0, *label_plane(self._layer).shape), "field")

    def copy(self) -> None:
        """Put the methods sentence on the clipboard."""
        info = result_info(self._layer)
        if info is None:
            return
        text = methods_sentence(_method(info, is_touched(self._layer)))
        QApplication.clipboard().setText(text)
        beginning = text if len(text) <= _SHOWN else f"{text[:_SHOWN].rsplit(' ', 1)[0]} …"
        self.answer(f"Copied: {beginning}")

    def import_labels(self) -> None:
        """Read labels of another program onto the image."""
        image = self._image()
        if image is None:
            self.answer(NO_IMAGE)
            return
        volume = is_volume(image)
        kinds = VOLUME_IMPORT_FILTER if volume else IMPORT_FILTER
        path = ask_labels(self._panel, self._folder(image), kinds)
        if path is None:
            return
        request: ImportRequest | VolumeImport
        try:
            if volume:
                request = take_volume_import(image, path)
            else:
                request = take_import(self._viewer, image, path)
        except SelfRegError as error:
            self.answer(str(error))
            return
        self._import = (request, image)
        job: Job = run_volume_import if volume else run_import
        self._start(self._on_imported, job, request)

    def _save_picture(self, box: Box, what: str) -> None:
        info = result_info(self._layer)
        if info is None:
            return
        path = ask_picture(self._panel, self._folder() / f"{info.stem}_{what}.png")
        if path is not None:
            snapshot = take_snapshot(self._viewer, self._layer)
            colour = settings().outline_colour or OUTLINE
            self._start(self._on_picture, save_picture, snapshot, box, path, colour)

    def _start(self, finish: Any, job: Job, *args: Any) -> None:
        if self.runner.running:
            return
        self._finish = finish
        self._form.progress_row.start()
        self.tell(WAITING)
        self.runner.start(job, *args)
        self._refresh()

    def _refresh(self) -> None:
        running = self.runner.running
        for part in self._form.with_result():
            part.setEnabled(self._layer is not None and not running)
        self._form.import_button.setEnabled(not running)
        self._form.cancel_button.setVisible(running)
        self._form.cancel_button.setText("Stopping…" if self.runner.cancelling else "Cancel")

    def _end(self, text: str) -> None:
        self._form.progress_row.stop()
        self._refresh()
        self.answer(text)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self._form.progress_row.setProgress(event.done, event.total)
                if event.message:
                    self.tell(f"{event.message}…")

    def _on_finished(self, result: Any) -> None:
        self._end(self._finish(result))

    def _on_failed(self, error: Exception) -> None:
        self._end(describe_failure(error))

    def _on_cancelled(self) -> None:
        late, importing = self.runner.late_result, self._import is not None
        self._import = None
        if late is not None and not importing:
            self._on_finished(late)  # too late: the files are there, and she must know
        else:
            self._end("Cancelled: nothing was changed.")

    def _on_saved(self, files: dict[str, Path]) -> str:
        folder = next(iter(files.values())).parent
        names = ", ".join(path.name for path in files.values())
        return f"Saved {names} in the folder {folder.name}: drop the outlines on QuPath's window."

    def _on_picture(self, path: Path) -> str:
        return f"Saved {path.name} in the folder {path.parent.name}."

    def _on_imported(self, found: Imported | VolumeFound) -> str:
        assert self._import is not None
        (request, image), self._import = self._import, None
        if image not in self._viewer.layers:
            return "The image has been removed meanwhile, so nothing was imported."
        if isinstance(request, VolumeImport):
            assert isinstance(found, VolumeFound)
            if not request.view.fits(image):
                return "The volume has changed meanwhile, so nothing was imported."
            self._shared.resultChanged.emit(add_imported(self._viewer, image, request, found))
            return describe_import(request, found)
        assert isinstance(found, Imported)
        info = _import_info(request, image, found)
        name = f"{image.name} imported"
        added = add_result(self._viewer, image, request.picture, found, name, info)
        self._shared.resultChanged.emit(added)
        count = len(found.table["index"])
        rest = f" {found.passed_over} without an area here were left out." * bool(found.passed_over)
        return f"{count} object{'s' * (count != 1)} imported from {request.path.name}.{rest}"

    def _image(self) -> Any:
        """Return a selected volume, the image of the result, the selected one, or the only one."""
        active = self._viewer.layers.selection.active
        if is_volume(active):
            return active
        if (volume := self._form.volume.image()) is not None:
            return volume
        if self._layer is not None and (image := image_of(self._viewer, self._layer)) is not None:
            return image
        pictures = [layer for layer in self._viewer.layers if is_picture(layer)]
        return active if active in pictures else next(iter(pictures), None)

    def _folder(self, image: Any = None) -> Path:
        """Return the folder a dialog begins in."""
        source = image if image is not None else image_of(self._viewer, self._layer)
        info = source_info(source) if source is not None else None
        if image is None and (chosen := settings().output_folder) is not None:
            return chosen
        return info.path.parent if info is not None else Path.home()


def _method(info: ResultInfo, corrected: bool) -> Method:
    return Method(
        __version__,
        "" if info.model_name == IMPORTED else info.model_title,
        info.model_name,
        info.model_version,
        info.classes,
        info.pixel_size,
        info.um_source,
        info.settings,
        info.tta,
        corrected,
        info.citation,
    )


def _import_info(request: ImportRequest, image: Any, found: Imported) -> ResultInfo:
    y, x = (float(factor) for factor in request.picture.plane_factors)
    return ResultInfo(
        model_name=IMPORTED,
        model_title="",
        model_version="",
        classes=found.classes,
        pixel_size=request.pixel_size,
        um_source=um_source(image),
        settings=PostProcessing(),
        image_layer_id=image.unique_id,
        stem=stem_of(image),
        box=found.box,
        factors=(y, x),
    )
