"""Get the engine ready while a person looks at the image, so that the first Run starts at once.

Importing torch and monai takes seconds. It happens in a thread of its own, once a panel has been
on the screen for a while and nobody types or clicks.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qtpy.QtCore import QCoreApplication, QEvent, QObject
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.warm_up import make_units, warm_labels

logger = logging.getLogger(__name__)

IDLE_MS = 1500
MODULES = ("torch", "monai", "napari_selfreg.engine.segment")
"""One after the other: when the program ends meanwhile, the rest is left out."""

importing = threading.Lock()
"""Whoever imports torch and monai holds it: two threads that import the same packages at a time can
meet them half made, which Python reports as a circular import."""

_LIBRARIES = ("libtorch_global_deps", "libtorch_cpu", "libtorch_cuda")
_RTLD_LAZY = 1
_BUSY = (
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.Wheel,
)


class Preloader(QObject):
    """Waits until a panel is shown and the person pauses, then loads the engine once.

    Parameters
    ----------
    panel : QWidget
        Any panel of ours; it becomes the parent.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        self._idle = single_shot(self, IDLE_MS, self._on_idle)
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin to wait when the panel is shown, and again at whatever the person does."""
        if not hasattr(self, "_idle"):  # Python's half of a closed panel goes before Qt's
            return False
        kind = event.type()
        if watched is self._panel and kind == QEvent.Type.Show and not _loader.begun:
            self._idle.start()
            _application().installEventFilter(self)
        elif watched is self._panel and kind == QEvent.Type.Hide:
            self._idle.stop()
            _application().removeEventFilter(self)
        elif kind in _BUSY and self._idle.isActive():
            self._idle.start()
        return False

    def _on_idle(self) -> None:
        _application().removeEventFilter(self)
        if self._panel.isVisible() and settings().preload_torch:
            _loader.begin()


class _Loader:
    """The thread; there is one for the whole program."""

    def __init__(self) -> None:
        self.begun = False
        self.thread: threading.Thread | None = None
        self._ending = threading.Event()

    def begin(self) -> None:
        if self.begun:
            return
        self.begun = True
        make_units()  # in this thread: layers are made here, maybe while the other one is at work
        _application().aboutToQuit.connect(self._ending.set)
        # Not a daemon: the interpreter must not be taken apart in the middle of an import.
        self.thread = threading.Thread(target=self._load, name="napari-selfreg preload")
        self.thread.start()

    def _load(self) -> None:
        try:
            with importing, _no_collections():
                load_libraries()
                for name in MODULES:
                    if self._ending.is_set():
                        return
                    importlib.import_module(name)
                warm_labels()
        except Exception:  # the first Run meets the same fault and tells the person
            logger.warning("the engine could not be loaded ahead", exc_info=True)


_loader = _Loader()


def load_libraries() -> None:
    """Load torch's shared libraries without stopping Python's other threads meanwhile.

    An import holds the interpreter's lock while the system loads a library, here for a quarter of
    a second and, from a cold disk, for several seconds; a call through `ctypes` does not.
    """
    if sys.platform == "win32":  # finds them by rules that only torch's own import knows
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None or "torch" in sys.modules:
        return
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    folder = Path(spec.origin).parent / "lib"
    for stem in _LIBRARIES:
        for path in folder.glob(f"{stem}.*"):
            # The first holds what the others look up by name, so all may see it, as torch does.
            shared = ctypes.RTLD_GLOBAL if stem == _LIBRARIES[0] else ctypes.RTLD_LOCAL
            load(str(path).encode(), _RTLD_LAZY | shared)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for garbage: among so many new objects each look takes long."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _application() -> QCoreApplication:
    app = QCoreApplication.instance()
    assert app is not None  # there are panels
    return app
