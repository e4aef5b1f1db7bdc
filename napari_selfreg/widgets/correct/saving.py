"""*Save for QuPath…*: all corrected objects of a project, as ``export`` writes them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QPushButton, QWidget

from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.io.fields import RESULTS_FOLDER
from napari_selfreg.io.outputs import output_paths
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.latest import LANE
from napari_selfreg.widgets.results_ask import ask_folder, ask_to_replace
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.settings import settings


class Saving(QObject):
    """Writes all fields of the open project into a folder.

    Parameters
    ----------
    desk : ProjectDesk
    button : QPushButton
        Asks for it.
    panel : QWidget
        Parent of dialogs; its life ends the job.
    """

    def __init__(self, desk: ProjectDesk, button: QPushButton, panel: QWidget) -> None:
        super().__init__(panel)
        self._desk = desk
        self._button = button
        self._panel = panel
        self.runner = JobRunner(panel, LANE)
        button.clicked.connect(self.save)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)

    def save(self, checked: bool = False) -> None:
        """Ask for a folder and write."""
        project = self._desk.project
        if project is None or self.runner.running:
            return
        if self._desk.link is not None:
            self._desk.link.look()
        folder = ask_folder(self._panel, self._near(project))
        if folder is None or not self._may_replace(project, folder):
            return
        self._button.setEnabled(False)
        self.runner.start(export_project, project, folder)

    def _near(self, project: Project) -> Path:
        return settings().output_folder or project.folder.parent / RESULTS_FOLDER

    def _may_replace(self, project: Project, folder: Path) -> bool:
        """Ask once, where files of an earlier time are in the way."""
        for record in project.fields:
            if any(path.exists() for path in output_paths(folder, record.stem).values()):
                return ask_to_replace(self._panel, folder, record.stem, compressed=False)
        return True

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, (Progress, Notice)) and event.message:
                self._desk.told.emit(event.message)

    def _on_finished(self, results: list[Any]) -> None:
        self._button.setEnabled(True)
        objects = sum(result["objects"] for result in results)
        reviewed = sum(result["reviewed"] for result in results)
        folder = Path(results[0]["outputs"]["objects"]).parent.name if results else ""
        self._desk.told.emit(
            f"Saved {objects} objects, {reviewed} of them reviewed, in the folder {folder}: drop "
            "the outlines on QuPath's window."
        )

    def _on_failed(self, error: Exception) -> None:
        self._button.setEnabled(True)
        self._desk.told.emit(describe_failure(error))


def export_project(project: Project, folder: Path) -> Generator[Event, None, list[Any]]:
    """Write every field of an open project; see `napari_selfreg.engine.export`."""
    from napari_selfreg.engine.export import ExportRequest, export

    folder.mkdir(parents=True, exist_ok=True)
    return (yield from export(ExportRequest(project, folder)))
