from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.projection import fit_basis, project


def maps_of(channels: int, seed: int = 0, side: int = 9) -> np.ndarray:
    generator = np.random.default_rng(seed)
    strengths = 2.0 ** -np.arange(channels)[:, None, None]
    mixing = np.linalg.qr(generator.normal(size=(channels, channels)))[0]
    rows = strengths * generator.normal(size=(channels, side, side))
    return np.tensordot(mixing, rows, 1) + generator.normal(size=(channels, 1, 1))


@given(st.integers(3, 8), st.integers(0, 5))
def test_axes_are_the_right_singular_vectors(channels: int, seed: int) -> None:
    maps = maps_of(channels, seed)
    rows = maps.reshape(channels, -1)
    wanted = np.linalg.svd(rows - rows.mean(1, keepdims=True))[0].T[:3]
    basis = fit_basis([maps])
    np.testing.assert_allclose(np.abs((basis.axes * wanted).sum(1)), 1, atol=1e-6)
    np.testing.assert_allclose(basis.axes @ basis.axes.T, np.eye(3), atol=1e-9)
    assert (basis.axes[range(3), np.abs(basis.axes).argmax(1)] > 0).all()


def test_colours_are_the_components_between_the_percentiles() -> None:
    maps = maps_of(5)
    basis = fit_basis([maps])
    values = basis.axes @ (maps.reshape(5, -1) - basis.mean[:, None])
    low, high = np.percentile(values, (1, 99), axis=1)
    wanted = 255 * ((values - low[:, None]) / (high - low)[:, None]).clip(0, 1)
    colours = project(maps, basis)
    assert colours.shape == (9, 9, 3)
    assert colours.dtype == np.uint8
    assert np.abs(colours.reshape(-1, 3).T - wanted).max() < 0.51


def test_one_basis_serves_several_maps() -> None:
    one, other = maps_of(4), maps_of(4, 1, side=5)
    both = fit_basis([one, other])
    joined = np.concatenate([m.reshape(4, -1) for m in (one, other)], axis=1)
    np.testing.assert_allclose(both.mean, joined.mean(1))
    np.testing.assert_allclose(both.axes, fit_basis([joined[:, None]]).axes, atol=1e-9)
    assert project(other, both).shape == (5, 5, 3)


def test_fewer_channels_than_colours_leave_the_others_black() -> None:
    colours = project(maps_of(2), fit_basis([maps_of(2)]))
    assert not colours[..., 2].any()
    assert colours[..., :2].any()
    assert not project(np.ones((4, 3, 3)), fit_basis([np.ones((4, 3, 3))])).any()


def test_volumes_are_projected_too() -> None:
    maps = maps_of(3).reshape(3, 9, 3, 3)
    assert project(maps, fit_basis([maps])).shape == (9, 3, 3, 3)


def test_channels_must_be_as_many() -> None:
    with pytest.raises(BadInputError, match="equally many"):
        fit_basis([maps_of(3), maps_of(4)])
    with pytest.raises(BadInputError, match="equally many"):
        fit_basis([])
    with pytest.raises(BadInputError, match="3 channels"):
        project(maps_of(4), fit_basis([maps_of(3)]))
