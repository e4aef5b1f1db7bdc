#!/usr/bin/env python
"""Take the pictures of docs/tutorial.md, and those of the pages on Segment, Correct and Fine-tune.

A real window goes through the tutorial: the bundled samples, the bundled gland model, a real mouse.
Nothing of the person who runs it is read or changed: settings and Documents lie in a temporary
folder. With the package installed, on a computer without a screen:

    xvfb-run -s "-screen 0 1280x800x24" python scripts/tutorial_pictures.py

prints what the panels say, so that the words of the pages can be compared with it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SIZE = (1280, 800)
COLOURS = 256
PATIENCE = 900.0
"""Seconds that nothing should take."""

THREAD = [(15, 2), (15, 0), (14, 0), (15, 1), (17, 4), (18, 4)]
"""Normal field: the thread that ties two glands together at the upper left."""

FRAYED = [(46, 4), (50.5, 1), (51.5, 1.5), (52, 0)]
"""Normal field: the lower end of one of them."""

BEYOND = [(79, 222), (77, 223), (82, 222), (86, 223)]
"""Low-grade field: what the gland at the right edge takes beyond a cleft."""

PART = [(1, 128), (60, 180), (160, 218), (166, 222)]
"""Low-grade field: from corner to corner of the part that is called right."""


class Window:
    """A napari window of the size of the pictures, with the Workbench."""

    def __init__(self, output: Path) -> None:
        import napari

        from napari_selfreg.widgets.workbench import add_workbench

        self.output = output
        self.viewer = napari.Viewer(show=True)
        self.native = self.viewer.window._qt_window
        self.native.setGeometry(0, 0, *SIZE)
        self.bench = add_workbench(self.viewer)
        self.rest(2)

    def rest(self, seconds: float) -> None:
        """Let the window live for a while."""
        self.until(lambda: False, seconds)

    def until(self, true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Let the window live until something is so; tell whether it is."""
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            if true():
                return True
            time.sleep(0.005)
        return False

    def front(self, title: str) -> None:
        """Bring a panel to the front."""
        tabs = self.bench.tabs
        tabs.setCurrentIndex([tabs.tabText(i) for i in range(tabs.count())].index(title))
        self.rest(1)

    def press(self, panel: Any, text: str) -> None:
        """Press the button that says something."""
        from qtpy.QtWidgets import QPushButton

        def there() -> list[Any]:
            buttons = panel.findChildren(QPushButton)
            return [each for each in buttons if each.text() == text and each.isVisibleTo(panel)]

        if not self.until(lambda: bool(there()) and there()[0].isEnabled(), 30):
            raise SystemExit(f"The button {text!r} cannot be pressed.")
        there()[0].click()
        self.rest(0.5)

    def scroll_to(self, panel: Any, part: Any) -> None:
        """Scroll a panel so that a part of it stands at the top."""
        area = panel.parentWidget().parentWidget()
        area.verticalScrollBar().setValue(part.mapTo(panel, part.rect().topLeft()).y() - 8)

    def take(self, name: str) -> None:
        """Write a picture of the window with a palette, so that it stays small."""
        from PIL import Image

        self._let_go()
        self.rest(1.5)
        self.viewer.status = self.viewer.help = ""
        self.rest(0.2)
        path = self.output / f"{name}.png"
        self.native.grab().save(str(path))
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size // 1000} kB", flush=True)

    def _let_go(self) -> None:
        """Take the mouse off the canvas: the circle of the brush would lie on the tissue."""
        from qtpy.QtCore import QEvent, QPoint
        from qtpy.QtWidgets import QApplication

        canvas = self.viewer.window._qt_viewer.canvas.native
        mouse().move(self.viewer, QPoint(2, canvas.height() - 3))
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))


def mouse() -> Any:
    """Return what moves the mouse on a canvas: the tests have it."""
    sys.path.insert(0, str(ROOT))
    from tests.e2e import canvas

    return canvas


def stroke(window: Window, path: Sequence[tuple[float, float]], keys: Any = None) -> None:
    """Draw on the corrections with the mouse."""
    mouse().drag(window.viewer, window.bench.correct_panel.desk.link.layer, path, keys)
    window.rest(0.5)


def look_at(window: Window, row: float, column: float, zoom: float) -> None:
    """Move the camera to a pixel of the corrections."""
    from napari_selfreg.widgets.result_plane import label_point

    layer = window.bench.correct_panel.desk.link.layer
    window.viewer.scene.camera.center = tuple(label_point(layer, row, column)[-2:])
    window.viewer.scene.camera.zoom = zoom
    window.rest(0.5)


def segment(window: Window, sample: str, name: str) -> None:
    """Open a sample and press Run."""
    window.viewer.open_sample("napari-selfreg", sample)
    window.front("Segment")
    window.viewer.reset_view()
    panel = window.bench.segment_panel
    if name.startswith("tutorial"):
        window.take("tutorial-open")
    done: list[Any] = []
    panel.segmented.connect(done.append)
    window.press(panel, "Run")
    window.until(lambda: bool(done))
    window.viewer.reset_view()
    window.take(name)
    print("Segment:", panel.status.text())


def correct_first(window: Window) -> None:
    """Correct the normal field and call it done."""
    from qtpy.QtCore import Qt

    window.front("Correct")
    panel = window.bench.correct_panel
    window.press(panel, "Start correcting")
    window.until(lambda: panel.hand.active == "brush")
    print("Correct:", panel.status.text())
    look_at(window, 34, 24, 8)
    stroke(window, THREAD, Qt.KeyboardModifier.AltModifier)
    stroke(window, FRAYED)
    window.take("tutorial-brush")
    window.viewer.reset_view()
    window.press(panel, "Field done ✓")


def correct_second(window: Window) -> None:
    """Correct the low-grade field and mark a part of it."""
    from qtpy.QtCore import Qt

    window.front("Correct")
    panel = window.bench.correct_panel
    window.press(panel, "Add this result")
    look_at(window, 90, 195, 8)
    stroke(window, BEYOND, Qt.KeyboardModifier.AltModifier)
    window.viewer.reset_view()
    window.press(panel, "Rectangle")
    stroke(window, PART)
    window.take("correct")


def fine_tune(window: Window, steps: int | None) -> None:
    """Fine-tune and read the verdict."""
    window.front("Fine-tune")
    panel = window.bench.finetune_panel
    print("Fine-tune:", panel.about.text())
    panel.steps = steps
    done: list[Any] = []
    panel.tuned.connect(done.append)
    window.press(panel, "Start")
    window.until(lambda: bool(done) and not panel.runner.running)
    verdict = panel.outcome.verdict
    print("Verdict:", verdict.headline.text(), verdict.sentence.text(), verdict.advice.text())
    print("Steps:", done[0].result.steps, "seconds:", round(done[0].result.seconds, 1))
    window.rest(1)
    panel.parentWidget().parentWidget().ensureWidgetVisible(panel.curves, 0, 6)
    window.take("fine-tune")


def compare(window: Window) -> None:
    """Look at both models on the normal field."""
    panel = window.bench.finetune_panel
    comparison = panel.outcome.comparison
    window.until(lambda: comparison.wiper.layer is not None)
    rows = {comparison.fields.item(i).text(): i for i in range(comparison.fields.count())}
    print("Fields:", list(rows))
    comparison.fields.setCurrentRow(next(rows[text] for text in rows if "normal" in text))
    window.rest(1)
    window.viewer.reset_view()
    window.scroll_to(panel, comparison)
    window.take("fine-tune-compare")


def use(window: Window) -> None:
    """Put the new version into use, and re-segment."""
    panel = window.bench.finetune_panel
    window.press(panel, "Use it")
    print("Use it:", panel.status.text())
    window.press(panel, "Re-segment what is not reviewed")
    box = panel.outcome.resegmenting
    window.until(lambda: "changed" in box.status.text())
    print("Re-segment:", box.status.text())


def main() -> None:
    """Go through the tutorial."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder for the pictures")
    parser.add_argument("--steps", type=int, help="fine-tune for so many steps instead of a minute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "NAPARI_CONFIG": "", "XDG_CONFIG_HOME": home}
        os.environ["XDG_DOCUMENTS_DIR"] = str(Path(home) / "Documents")
        importlib.import_module("napari_selfreg.engine.segment")  # as after a moment of rest
        window = Window(options.output)
        segment(window, "ebhi_normal", "tutorial-segment")
        correct_first(window)
        segment(window, "ebhi_low_grade", "segment")
        correct_second(window)
        fine_tune(window, options.steps)
        compare(window)
        use(window)
        window.viewer.close()


if __name__ == "__main__":
    main()
