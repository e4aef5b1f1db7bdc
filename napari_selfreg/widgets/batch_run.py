"""*Run on all*: the fields of the Open panel, with model and settings of the Segment panel."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.batch_events import BatchRequest
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.panel_job import PanelJob
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.segment_job import start_engine
from napari_selfreg.widgets.segment_setup import SegmentSettings
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.shared import Shared

NO_FIELDS = "There is nothing to run on: open a folder first, or take “done” off its fields."
CANCELLED = "Cancelled: the fields that were finished are kept."


class BatchRun(PanelJob):
    """Runs all fields in one job; each is complete before the next one begins.

    Parameters
    ----------
    shared : Shared
        Holds the fields.
    owner : QWidget
        Its life ends the job.
    job : callable, optional
        Generator function that takes a `BatchRequest`; the engine's without it.
    """

    def __init__(self, shared: Shared, owner: QWidget, job: Job | None = None) -> None:
        super().__init__(owner, job or run_batch)
        self._shared = shared
        self._card: Card | None = None

    def start(self, settings: SegmentSettings, card: Card) -> None:
        """Run all fields that hold nothing of a person's own; tells if there are none.

        Parameters
        ----------
        settings : SegmentSettings
            Model, device and how objects are made; area and pixel size are the fields' own.
        card : Card
            Of the model.
        """
        fields = self._shared.fields
        volumes = card.spatial_dims == 3
        chosen = fields.to_run(volumes) if fields is not None else ()
        if fields is None or not chosen or self.runner.running:
            self._conclude(NO_FIELDS)
            return
        self._card = card
        fields.batch_running = True
        self._start(
            BatchRequest(
                chosen,
                settings.model,
                fields.output_dir,
                settings.device,
                settings.tta,
                settings.settings,
                fields.current_path,
                settings.precision,
                settings.skip_glass,
            ),
        )

    def cancel(self) -> None:
        """Stop after the current part; finished fields are kept."""
        self.runner.cancel()

    def say_on_list(self, text: str) -> None:
        """Say it in the Open panel too: that is where *Run on all* was pressed."""
        if self._shared.fields is not None:
            self._shared.fields.batchTold.emit(text)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self.progressed.emit(event.done, event.total)
                self._tell(f"{event.message}…")
            elif self._shared.fields is not None and self._card is not None:
                self._shared.fields.on_batch_event(event, self._card)

    def _on_finished(self, result: Any) -> None:
        self._end()
        done, failed = len(result.done), len(result.failed)
        text = f"{done} of {done + failed} fields segmented; their files are beside summary.csv."
        if failed:
            text += " The list says why the others were not."
        text = " ".join([text, *result.notes])
        if self._shared.project is not None:
            text += " The corrections of the open project stay as they are."
        self._conclude(text)

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self._conclude(describe_failure(error))

    def _on_cancelled(self) -> None:
        self._end()
        self._conclude(CANCELLED)

    def _tell(self, text: str) -> None:
        super()._tell(text)
        self.say_on_list(text)

    def _conclude(self, text: str) -> None:
        super()._conclude(text)
        self.say_on_list(text)

    def _end(self) -> None:
        if self._shared.fields is not None:
            self._shared.fields.end_batch()


def run_batch(request: BatchRequest) -> Generator[Event, None, Any]:
    """Segment all fields; the engine is first imported here, in the job's thread."""
    yield from start_engine()
    from napari_selfreg.engine.batch import segment_fields

    return (yield from segment_fields(request))
