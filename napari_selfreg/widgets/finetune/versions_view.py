"""The versions of the model: which came from which, how good, and what to do with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible
from superqt.utils import signals_blocked

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.bundle import SUFFIX
from napari_selfreg.io.project import Project, VersionRecord
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.card_view import CardDialog
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.model_entries import read_model

_HEIGHT = 130
_ID = Qt.ItemDataRole.UserRole
OLD = "The model before all versions"


class VersionsView(QCollapsible):
    """A tree of versions; folded at first.

    Attributes
    ----------
    useWanted : Signal(object)
        A person wants a version in use: its id, or None for the model before all versions.
    told : Signal(str)
        What became of what a person asked for.
    """

    useWanted = Signal(object)
    told = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Versions", parent, expandedIcon="▾", collapsedIcon="▸")
        self.toggleButton().setToolTip("All models that were made from these corrections")
        self._project: Project | None = None
        self._dialog: CardDialog | None = None
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels(["Version", "Verdict"])
        self.tree.setAccessibleName("Versions")
        self.tree.setToolTip(
            "A version stands below the one it was made from; double-click renames"
        )
        self.tree.setEditTriggers(QTreeWidget.EditTrigger.DoubleClicked)
        self.tree.setFixedHeight(_HEIGHT)
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note about this version")
        self.note.setAccessibleName("Note")
        self.note.setToolTip("Your own words; kept in the project, not in the model file")
        self.use_button = button("Put back", "Use the chosen version from now on")
        self.export_button = button("Export…", "Save the chosen version as one model file")
        self.card_button = button("Card…", "What the chosen version learned and how good it is")
        self.rename_button = button("Rename", "Give the chosen version another name")
        self._arrange()
        self._connect()

    def show_project(self, project: Project | None) -> None:
        """List the versions of a project; the chosen one stays chosen."""
        chosen = self.chosen()
        self._project = project
        with signals_blocked(self.tree):
            self.tree.clear()
            if project is not None:
                self._fill(project)
                self._choose(chosen or project.active_version)
        self.setVisible(project is not None and bool(project.versions.all))
        self._on_choice()

    def chosen(self) -> str | None:
        """Return the id of the chosen version; None for none, or the model before them."""
        item = self.tree.currentItem()
        return item.data(0, _ID) if item is not None else None

    def use(self) -> None:
        """Ask for the chosen version."""
        if self.tree.currentItem() is not None:
            self.useWanted.emit(self.chosen())

    def export(self, target: str | Path | None = None) -> None:
        """Save the chosen version as a model file; asks where without `target`."""
        version, project = self._record(), self._project
        if version is None or project is None:
            return
        if target is None:
            name = f"{version.model}{SUFFIX}"
            target, _ = QFileDialog.getSaveFileName(self, "Export", name, f"Models (*{SUFFIX})")
        if not target:
            return
        try:
            path = project.versions.export(version.id, target)
        except SelfRegError as error:
            self.told.emit(str(error))
        else:
            self.told.emit(f"{version.title} is saved as {path.name}.")

    def rename(self) -> None:
        """Let a person type another name."""
        item = self.tree.currentItem()
        if item is not None and self._record() is not None:
            self.tree.editItem(item, 0)

    def show_card(self) -> None:
        """Show the card of the chosen version beside the window."""
        version, project = self._record(), self._project
        if version is None or project is None:
            return
        entry = read_model(project.versions.path(version.id))
        if entry.card is None:
            self.told.emit(entry.problem)
            return
        if self._dialog is not None:
            self._dialog.close()
        self._dialog = CardDialog(entry.card, self)
        self._dialog.show()

    def _fill(self, project: Project) -> None:
        old = _item(OLD, "", None, project.active_version is None)
        self.tree.addTopLevelItem(old)
        items: dict[str | None, QTreeWidgetItem] = {None: old}
        editable = Qt.ItemFlag.NoItemFlags if project.read_only else Qt.ItemFlag.ItemIsEditable
        for version in project.versions.all:
            verdict = str(version.facts.get("verdict", ""))
            item = _item(version.title, verdict, version.id, version.id == project.active_version)
            item.setFlags(item.flags() | editable)
            item.setToolTip(0, _about(version))
            item.setToolTip(1, str(version.facts.get("sentence", "")))
            items.get(version.parent, old).addChild(item)
            items[version.id] = item
        self.tree.expandAll()
        self.tree.resizeColumnToContents(0)

    def _choose(self, identity: str | None) -> None:
        if self._project is None or identity is None:
            return
        for item in self.tree.findItems("*", _EVERYWHERE):
            if item.data(0, _ID) == identity:
                self.tree.setCurrentItem(item)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tree)
        column.addWidget(self.note)
        grid = QGridLayout()
        buttons = (self.use_button, self.rename_button, self.export_button, self.card_button)
        for place, each in enumerate(buttons):
            grid.addWidget(each, place // 2, place % 2)
        column.addLayout(grid)
        outer = self.layout()
        assert outer is not None  # QCollapsible makes one
        outer.setContentsMargins(0, 0, 0, 0)
        self.setContent(content)
        self.collapse(animate=False)
        self.setDuration(0)

    def _connect(self) -> None:
        self.tree.currentItemChanged.connect(self._on_choice)
        self.tree.itemChanged.connect(self._on_renamed)
        self.note.editingFinished.connect(self._on_note)
        self.use_button.clicked.connect(self.use)
        self.export_button.clicked.connect(self._on_export)
        self.card_button.clicked.connect(self.show_card)
        self.rename_button.clicked.connect(self.rename)

    def _record(self) -> VersionRecord | None:
        identity = self.chosen()
        if self._project is None or identity is None:
            return None
        return self._project.versions[identity]

    def _on_choice(self, *_: object) -> None:
        version, project = self._record(), self._project
        item = self.tree.currentItem()
        writable = project is not None and not project.read_only
        used = project is not None and item is not None and self.chosen() == project.active_version
        self.use_button.setText("In use" if used else "Put back")
        self.use_button.setEnabled(writable and item is not None and not used)
        self.rename_button.setEnabled(writable and version is not None)
        self.note.setEnabled(writable and version is not None)
        self.export_button.setEnabled(version is not None)
        self.card_button.setEnabled(version is not None)
        self.note.setText(version.note if version else "")

    def _on_renamed(self, item: QTreeWidgetItem, column: int) -> None:
        identity, project = item.data(0, _ID), self._project
        title = item.text(0).strip().removesuffix(_USED)[:200]
        if column or project is None or identity is None:
            return
        if title and title != project.versions[identity].title:
            self._change(lambda: project.versions.rename(identity, title))
        # Not now: Qt is still at work on this very item.
        QTimer.singleShot(0, self._again)

    def _again(self) -> None:
        if alive(self):
            self.show_project(self._project)

    def _on_note(self) -> None:
        version, project = self._record(), self._project
        if version is not None and project is not None and self.note.text() != version.note:
            text = self.note.text()
            self._change(lambda: project.versions.write_note(version.id, text))

    def _change(self, change: Callable[[], None]) -> None:
        try:
            change()
        except SelfRegError as error:
            self.told.emit(str(error))

    def _on_export(self) -> None:
        self.export()


_USED = " ✓ in use"
_EVERYWHERE = Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive


def _item(title: str, verdict: str, identity: str | None, used: bool) -> QTreeWidgetItem:
    item = QTreeWidgetItem([title + (_USED if used else ""), verdict])
    item.setData(0, _ID, identity)
    return item


def _about(version: VersionRecord) -> str:
    made = version.created.astimezone().strftime("%Y-%m-%d %H:%M")
    steps, seconds = version.facts.get("steps"), version.facts.get("seconds")
    how = f", {steps} steps in {seconds:.0f} s" if isinstance(seconds, int | float) else ""
    note = f"\n{version.note}" if version.note else ""
    title = version.facts.get("title")
    listed = f"\nIn the list of models: {title}" if isinstance(title, str) and title else ""
    return f"{version.title}, made {made}{how}{listed}{note}"
