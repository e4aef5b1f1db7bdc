from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_selfreg.widgets import warm_up

FIRST_LABELS = """
import sys, threading
import numpy as np
import napari.layers
from napari_selfreg.widgets.warm_up import warm_labels

assert "pandas" not in sys.modules
thread = threading.Thread(target=warm_labels)
thread.start()
thread.join()
before = set(sys.modules)
napari.layers.Labels(np.zeros((9, 9), np.int32), features={"index": np.arange(3)}).contour = 1
assert set(sys.modules) <= before, set(sys.modules) - before
"""


@pytest.mark.usefixtures("qapp")  # brings the virtual screen
def test_the_first_labels_layer_then_loads_nothing_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_LABELS],
        cwd=Path(warm_up.__file__).parents[2],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
