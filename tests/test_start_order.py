"""napari first, then torch: on Windows the second can fail to load after the first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

CODE = """
import sys
from pathlib import Path
import napari

viewer = napari.Viewer(show=False)
assert "torch" not in sys.modules

from napari_selfreg.engine.events import run
from napari_selfreg.engine.segment import SegmentRequest, segment

picture, output = map(Path, sys.argv[1:])
run(segment(SegmentRequest(picture, model="glands", output_dir=output, um_per_px=1.0)))
viewer.close()
"""


@pytest.mark.usefixtures("qapp")  # brings the virtual screen
def test_segmenting_works_after_napari_has_started(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(120, 255, (64, 64, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "field.tif", picture)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "field.tif"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "field_objects.geojson").is_file()
