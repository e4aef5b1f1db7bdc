"""What a person sees of the Open panel."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.io.fields import RESULTS_FOLDER
from napari_selfreg.io.samples import is_sample
from napari_selfreg.io.sniff import IMAGE_SUFFIXES, INDEX_SUFFIXES
from napari_selfreg.io.volume.names import NIFTI_SUFFIXES
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_view import FieldView
from napari_selfreg.widgets.guards import take_double_for_one
from napari_selfreg.widgets.pixel_size_chooser import PixelSizeChooser
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.volume.voxel_size import VoxelSizeBox

EMPTY = "Open pictures, slides, volumes or a whole folder, or drop them anywhere on this window."
NO_MODEL_PANEL = "Open the Segment panel too: its model and settings count for all fields."

RUNNING = "The fields are being segmented. Those that are finished are kept."
NOT_READABLE = "No field of the list can be opened: pointing at one says why."
ONLY_VOLUMES = "All fields are volumes: choose a model for volumes in the Segment panel."
ONLY_PICTURES = "All fields are pictures: choose a model for pictures in the Segment panel."
ALL_HERS = "All fields are done or corrected."
LOOKING = "The images are being looked at: one moment."
SAMPLES = "Choose a folder for results first: the samples lie inside the program."


class OpenForm(QWidget):
    """Buttons, list of fields, pixel size, and *Run on all*.

    Parameters
    ----------
    fields : FieldList
        What is listed.
    parent : QWidget
        The panel; the form becomes its content.

    Attributes
    ----------
    filesChosen : Signal(list)
        Paths of files, or of one folder.
    lazyAccepted : Signal()
        The slide on show is to be opened piece by piece.
    runAll : Signal()
        All fields are to be segmented.
    cancelAll : Signal()
        A person has enough of it.
    reopen : Signal()
        A person asks for the current field once more.
    """

    filesChosen = Signal(list)
    lazyAccepted = Signal()
    runAll = Signal()
    cancelAll = Signal()
    reopen = Signal()

    def __init__(self, fields: FieldList, parent: QWidget) -> None:
        super().__init__(parent)
        self._fields = fields
        self._runnable = self._volumes = False
        self.files_button = button(
            "Files…", "Open pictures, slides or volumes (Ctrl+O opens them too)"
        )
        self.folder_button = button("Folder…", "Open all images of a folder as a list")
        self.view = FieldView(fields)
        self.empty = _words(EMPTY)
        self.previous_button = button("◀", "The field before (PgUp)", "Previous field")
        self.next_button = button("▶", "The next field (PgDn)", "Next field")
        self.done_button = button("Done", "You are content with this field: Run on all skips it")
        self.done_button.setCheckable(True)
        self.remove_button = button("Remove", "Take this field off the list; its file stays")
        self.chooser = PixelSizeChooser()
        self.size_group = QGroupBox("Pixel size")
        self.voxels = VoxelSizeBox()
        self.lazy_words = _words("")
        self.lazy_button = button("Open it piece by piece", "Quick, and with little memory")
        self.run_all_button = button("Run on all", "")
        take_double_for_one(self.run_all_button)
        self.output_words = _words("")
        self.output_button = button("Change…", "Choose the folder for all results")
        self.output_row = QWidget()
        self.status = _words("")
        self._arrange(parent)
        self._connect()
        self.offer_lazy("")
        self.tell("")
        self.refresh()

    def minimumSizeHint(self) -> QSize:
        """Ask for the width of the full form: an empty one must not make the dock narrow."""
        self.size_group.ensurePolished()
        hint = super().minimumSizeHint()
        return hint.expandedTo(QSize(self.size_group.minimumSizeHint().width(), 0))

    def tell(self, text: str) -> None:
        """Say what happens, or what went wrong."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def offer_lazy(self, name: str) -> None:
        """Offer to open a slide piece by piece; nothing is offered without a name."""
        self.lazy_words.setText(
            f"“{name}” was read into memory whole. It can also be opened as the slide it is."
        )
        for part in (self.lazy_words, self.lazy_button):
            part.setVisible(bool(name))

    def set_image(self, name: str) -> None:
        """Say which image the pixel size is about."""
        self.size_group.setTitle(f"Pixel size of {_short(name)}" if name else "Pixel size")
        self.size_group.setVisible(bool(name))

    def set_runnable(self, runnable: bool, volumes: bool = False) -> None:
        """Say whether there is a model that could run on all fields, and whether of volumes."""
        self._runnable, self._volumes = runnable, volumes
        self.refresh()

    def refresh(self) -> None:
        """Follow the list."""
        count, current = len(self._fields), self._fields.current
        self.empty.setVisible(count == 0)
        self.view.setVisible(count > 0)
        for part in (self.done_button, self.remove_button, self.run_all_button, self.output_row):
            part.setVisible(count > 0)
        for each in (self.previous_button, self.next_button):
            each.setVisible(count > 1)
        place = self._fields.current_index
        self.previous_button.setEnabled(place > 0)
        self.next_button.setEnabled(0 <= place < count - 1)
        for each in (self.done_button, self.remove_button):
            each.setEnabled(current is not None)
        self.done_button.setChecked(current is not None and current.state == "done")
        self._refresh_run()

    def missing(self) -> str:
        """Say what is still to be done before *Run on all*, or return an empty text."""
        if not len(self._fields):
            return EMPTY
        if not self._runnable:
            return NO_MODEL_PANEL
        # A file that was not looked at yet may state a size, or none: nothing runs on a guess.
        if any(each.facts is None and not each.problem for each in self._fields):
            return LOOKING
        suited = [each for each in self._fields if each.is_volume is self._volumes]
        if not suited:
            return ONLY_PICTURES if self._volumes else ONLY_VOLUMES
        unknown = [each for each in suited if each.facts and not each.size_known()]
        if unknown:
            name = _short(unknown[0].path.name)
            what = (
                "the size of its voxels: type it" if self._volumes else "its pixel size: choose it"
            )
            return f"{name} does not state {what} above first."
        if not self._fields.to_run(self._volumes):
            return ALL_HERS
        if not self._fields.can_open_any():
            return NOT_READABLE
        if self._fields.output_dir is None and any(is_sample(each.path) for each in self._fields):
            return SAMPLES
        return ""

    def _refresh_run(self) -> None:
        if self._fields.batch_running:
            self._offer_cancel()
            return
        count, missing = len(self._fields.to_run(self._volumes)), self.missing()
        self.run_all_button.setText(f"Run on all {count} fields" if count > 1 else "Run on all")
        self.run_all_button.setEnabled(not missing)
        tip = "Segment every field that is neither done nor corrected, and write summary.csv"
        self.run_all_button.setToolTip(missing or tip)
        folder = self._fields.output_dir
        # A greyed button explains itself: few people wait for its tooltip.
        self.output_words.setText(missing or self._place_words())
        self.output_words.setToolTip(str(folder) if folder else "")
        # Beside another sentence it would seem to change what that is about.
        self.output_button.setVisible(missing in ("", SAMPLES))

    def _offer_cancel(self) -> None:
        """Turn *Run on all* into its *Cancel*, where she has pressed it."""
        self.run_all_button.setText("Cancel")
        self.run_all_button.setEnabled(True)
        self.run_all_button.setToolTip("Stop after the current part; finished fields are kept")
        self.output_words.setText(RUNNING)
        self.output_button.hide()

    def _place_words(self) -> str:
        """Say where results go, and what is left alone."""
        folder, hers = self._fields.output_dir, self._fields.left_out()
        place = _short(folder.name) if folder else f"“{RESULTS_FOLDER}”, beside the images"
        rest = f" {hers} done or corrected: left alone." * bool(hers)
        if others := self._fields.of_other_kind(self._volumes):
            kind, own = ("picture", "volumes") if self._volumes else ("volume", "pictures")
            rest += f" {others} {kind}{'s' * (others != 1)} left alone: the model is for {own}."
        return f"Results go to {place}.{rest}"

    def _arrange(self, parent: QWidget) -> None:
        group = QVBoxLayout(self.size_group)
        group.addWidget(self.chooser)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(_row(self.files_button, self.folder_button))
        column.addWidget(self.empty)
        column.addWidget(self.view, 1)
        column.addLayout(
            _row(self.previous_button, self.next_button, self.done_button, self.remove_button)
        )
        column.addWidget(self.lazy_words)
        column.addWidget(self.lazy_button)
        column.addWidget(self.size_group)
        column.addWidget(self.voxels)
        column.addWidget(self.run_all_button)
        self.output_row.setLayout(_row(self.output_words, self.output_button, stretch=0))
        column.addWidget(self.output_row)
        column.addWidget(self.status)
        column.addStretch(0)
        outer = QVBoxLayout(parent)
        outer.addWidget(self)

    def _connect(self) -> None:
        self.files_button.clicked.connect(self._ask_files)
        self.folder_button.clicked.connect(self._ask_folder)
        self.previous_button.clicked.connect(self._on_previous)
        self.next_button.clicked.connect(self._on_next)
        self.done_button.clicked.connect(self._on_done)
        self.remove_button.clicked.connect(self._on_remove)
        self.lazy_button.clicked.connect(self._on_lazy)
        self.run_all_button.clicked.connect(self._on_run_all)
        self.output_button.clicked.connect(self._ask_output)
        self.view.itemClicked.connect(self.reopen)
        self._fields.currentChanged.connect(self.refresh)

    def _ask_files(self) -> None:
        known = {*IMAGE_SUFFIXES, *INDEX_SUFFIXES, *NIFTI_SUFFIXES}
        suffixes = " ".join(f"*{each}" for each in sorted(known))
        kinds = f"Pictures, slides and volumes ({suffixes} *.dcm *.czi);;All files (*)"
        names, _ = QFileDialog.getOpenFileNames(self, "Open pictures, slides or volumes", "", kinds)
        if names:
            self.filesChosen.emit([Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        if name:
            self.filesChosen.emit([Path(name)])

    def _ask_output(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for results")
        if name:
            self._fields.output_dir = Path(name)
            self.refresh()

    def _on_previous(self) -> None:
        self._fields.step(-1)

    def _on_next(self) -> None:
        self._fields.step(1)

    def _on_done(self, done: bool) -> None:
        field = self._fields.current
        if field is not None:
            self._fields.set_done(field, done)

    def _on_remove(self) -> None:
        field = self._fields.current
        if field is not None and (field.state != "corrected" or self._may_lose(field)):
            self._fields.remove([field])

    def _may_lose(self, field: Field) -> bool:
        """Ask before corrections go, which only this list holds."""
        answer = QMessageBox.question(
            self,
            "Remove a corrected field",
            f"{field.path.name} has corrections. Those that were not saved are lost with it. "
            "Remove it from the list?",
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _on_run_all(self) -> None:
        (self.cancelAll if self._fields.batch_running else self.runAll).emit()

    def _on_lazy(self) -> None:
        self.offer_lazy("")
        self.lazyAccepted.emit()


def _words(text: str) -> QLabel:
    label = sentence_label(text)
    # A wrapped sentence must not widen the panel.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def _row(*widgets: QWidget, stretch: int = 1) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for index, widget in enumerate(widgets):
        row.addWidget(widget, 1 if stretch or index == 0 else 0)
    return row


def _short(name: str) -> str:
    """Cut a long name in its middle."""
    return name if len(name) <= 28 else f"{name[:14]}…{name[-12:]}"
