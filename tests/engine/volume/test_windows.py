"""Windows of a volume: averaged or cut, and made smaller where memory runs out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_selfreg.core.blocks import common, sides, slices, whole
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.events import Notice
from napari_selfreg.engine.volume.tiling import VolumeTiling
from napari_selfreg.engine.volume.windows import Predicted, predict_windows
from tests.engine.volume.models import SmallNet3D, scan

SPEC = SimpleNamespace(size_multiple=2, min_size=4, fixed_size=None)
LOCAL, BLENDED = SmallNet3D(), SmallNet3D(nn.InstanceNorm3d)


def both(window):
    """Predict the voxels and their negative: the same in every window."""
    return np.stack([window, -window])


def predicted(voxels, tiling, forward=both, region=None):
    region = whole(voxels.shape) if region is None else region
    out = np.zeros((2, *sides(region)), np.float32)
    steps = list(predict_windows(voxels, region, tiling, forward, out))
    return out, steps


@given(st.tuples(*[st.integers(2, 9)] * 3), st.data(), st.booleans())
@settings(max_examples=20)
def test_what_is_the_same_in_all_windows_is_the_same_in_the_result(halves, data, blends):
    voxels = scan(*(2 * side for side in halves))
    roi = (6, 6, 6)
    tiling = VolumeTiling.of(BLENDED if blends else LOCAL, SPEC, voxels.shape, roi)
    voxels = np.pad(voxels, [(0, b - a) for a, b in zip(voxels.shape, tiling.limits, strict=True)])
    starts = [data.draw(st.integers(0, side - 1)) for side in voxels.shape]
    region = tuple(
        (start, data.draw(st.integers(start + 1, side)))
        for start, side in zip(starts, voxels.shape, strict=True)
    )
    out, steps = predicted(voxels, tiling, region=region)
    np.testing.assert_allclose(out, both(voxels[slices(region)]), rtol=1e-5)
    shares = [step.done for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    seen = np.zeros(voxels.shape, int)
    for step in steps:
        assert common(step.place, region) == step.place
        seen[slices(step.place)] += 1
    assert (seen[slices(region)] == 1).all()


def test_all_begins_anew_with_smaller_windows_where_memory_runs_out():
    voxels = scan(16, 8, 8)

    def forward(window):
        if len(window) > 8:
            raise RuntimeError("not enough memory: you tried to allocate 9 bytes")
        return both(window)

    tiling = VolumeTiling.of(BLENDED, SPEC, voxels.shape)
    out, steps = predicted(voxels, tiling, forward)
    np.testing.assert_allclose(out, both(voxels), rtol=1e-5)
    assert steps[0] == Notice("Memory ran out: tiles are now 8 x 8 x 8 voxels.")
    assert all(isinstance(step, Predicted) for step in steps[1:])


def test_without_any_memory_a_sentence_is_raised():
    def forward(window):
        raise MemoryError

    with pytest.raises(DeviceError, match="smallest tile"):
        predicted(scan(8, 8, 8), VolumeTiling.of(BLENDED, SPEC, (8, 8, 8)), forward)


def test_other_errors_pass():
    def forward(window):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        predicted(scan(8, 8, 8), VolumeTiling.of(BLENDED, SPEC, (8, 8, 8)), forward)
