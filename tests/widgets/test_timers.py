from __future__ import annotations

from qtpy.QtCore import QObject

from napari_selfreg.widgets.timers import single_shot
from tests.widgets.waits import LONG


def test_it_fires_once_for_several_starts(qtbot) -> None:
    owner, fired = QObject(), []
    timer = single_shot(owner, 5, lambda: fired.append("soon"))
    later = single_shot(owner, 60, lambda: fired.append("later"))
    assert timer.parent() is owner
    assert not timer.isActive()
    later.start()
    timer.start()
    timer.start()
    qtbot.waitUntil(lambda: "later" in fired, timeout=LONG)
    assert fired == ["soon", "later"]
