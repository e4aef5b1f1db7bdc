from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import DTypeLike

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.moments import as_rows, moments


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("piece", [1, 7, 2**20])
def test_sums_over_space(kind: DTypeLike, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_selfreg.core.moments._PIECE", piece)
    maps = np.random.default_rng(0).normal(1, 2, (4, 5, 3, 2)).astype(kind)
    rows = maps.reshape(4, -1).astype(np.float64)
    found = moments(maps)
    np.testing.assert_allclose(found.gram, rows @ rows.T)
    np.testing.assert_allclose(found.sums, rows.sum(1))
    np.testing.assert_allclose(found.squares, (rows**2).sum(1))
    np.testing.assert_allclose(found.covariance, np.cov(rows, bias=True) * 30)
    assert found.pixels == 30


@pytest.mark.parametrize("shape", [(3,), (0, 4, 4), (3, 0, 4)])
def test_nothing_has_no_moments(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match="Feature maps"):
        as_rows(np.zeros(shape))
