"""The quick score: by hand, with ignored pixels and odd sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine import validation
from napari_selfreg.engine.sampling import Field
from napari_selfreg.engine.validation import Normalizer, mean_dice
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.engine.models import SmallNet, shake

CPU = torch.device("cpu")
SPEC = TapSpec((Tap("D1", "x"),))
PLAIN = Normalizer((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class Dark(nn.Module):
    """Calls every pixel foreground whose red is below one half."""

    def forward(self, picture: Tensor) -> Tensor:
        red = picture[:, :1]
        return torch.cat([red - 0.5, 0.5 - red, torch.full_like(red, 9.0)], 1)


def _field(dark: np.ndarray, truth: np.ndarray) -> Field:
    rgb = np.where(dark[..., None], 0, 255).astype(np.uint8).repeat(3, -1)
    return Field("f", rgb, np.stack([truth, truth]).astype(np.uint8))


def _score(*fields: Field) -> float:
    return mean_dice(Dark(), fields, PLAIN, 1, torch.float32, CPU, SPEC)


class Picky(Dark):
    """Takes sides that the spec allows, and notes them."""

    def __init__(self, spec: TapSpec) -> None:
        super().__init__()
        self.spec, self.seen, self.calls = spec, set[tuple[int, ...]](), 0

    def forward(self, picture: Tensor) -> Tensor:
        self.calls += 1
        self.seen.add(tuple(picture.shape[2:]))
        for side in picture.shape[2:]:
            assert side >= self.spec.min_size
            assert side % self.spec.size_multiple == 0
        return super().forward(picture)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"size_multiple": 32, "min_size": 64}, {(64, 64)}),
        ({"size_multiple": 24, "min_size": 24}, {(96, 96)}),
        ({"size_multiple": 16, "min_size": 32, "fixed_size": (32, 32)}, {(32, 32)}),
        ({"size_multiple": 16, "min_size": 16, "fixed_size": (48, 16)}, {(48, 16)}),
    ],
)
def test_networks_get_sizes_they_accept(options: dict[str, Any], seen: set[Any]) -> None:
    dark, truth = np.zeros((33, 5), bool), np.zeros((33, 5), np.uint8)
    dark[:4], truth[2:8] = True, 1
    spec = TapSpec((Tap("D1", "x"),), **options)
    network = Picky(spec)
    score = mean_dice(network, [_field(dark, truth)], PLAIN, 1, torch.float32, CPU, spec)
    assert score == pytest.approx(0.4)
    assert network.seen == seen


@pytest.mark.parametrize(
    ("fixed", "shape", "windows"),
    [((48, 48), (40, 20), 1), ((48, 16), (40, 10), 1), ((48, 16), (48, 28), 2)],
)
def test_a_network_of_one_size_sees_no_more_than_covers_the_picture(
    fixed: tuple[int, int], shape: tuple[int, int], windows: int
) -> None:
    spec = TapSpec((Tap("D1", "x"),), fixed_size=fixed)
    network = Picky(spec)
    field = _field(np.zeros(shape, bool), np.zeros(shape, np.uint8))
    mean_dice(network, [field], PLAIN, 1, torch.float32, CPU, spec)
    assert network.calls == windows


def _speckled(side: int) -> Field:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    return Field("f", rgb, rng.integers(0, 2, (2, side, side)).astype(np.uint8))


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d])
def test_a_large_picture_goes_through_in_tiles(
    monkeypatch: pytest.MonkeyPatch, norm: type[nn.Module]
) -> None:
    network, field = shake(SmallNet(norm)), _speckled(250)
    spec = TapSpec((Tap("D1", "x"),), size_multiple=2, min_size=4)
    seen = []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:]))
    arguments = ([field], PLAIN, 2, torch.float32, CPU, spec)
    whole = mean_dice(network, *arguments)
    assert seen.pop() == (256, 256)
    monkeypatch.setattr(validation, "_WHOLE", 256 * 256)
    assert mean_dice(network, *arguments) == whole
    assert seen.pop() == (256, 256)
    monkeypatch.setattr(validation, "_WHOLE", 256 * 256 - 1)
    monkeypatch.setattr(validation, "_TILE", 128)
    monkeypatch.setattr(validation, "_BLENDED_TILE", 128)
    tiled = mean_dice(network, *arguments)
    assert len(seen) > 1
    assert all(height * width <= 128**2 for height, width in seen)
    # tiles of batch normalisation equal one forward of the whole, blended ones come close
    assert tiled == pytest.approx(whole, abs=1e-4 if norm is nn.BatchNorm2d else 0.05)


def test_half_overlap_by_hand() -> None:
    dark, truth = np.zeros((33, 5), bool), np.zeros((33, 5), np.uint8)
    dark[:4], truth[2:8] = True, 1
    # 2 * 2 rows / (4 rows + 6 rows)
    assert _score(_field(dark, truth)) == pytest.approx(0.4)


def test_ignored_pixels_do_not_count() -> None:
    dark, truth = np.zeros((8, 8), bool), np.zeros((8, 8), np.uint8)
    dark[:2], truth[:1] = True, 1
    truth[1] = IGNORE
    assert _score(_field(dark, truth)) == 1.0


def test_nothing_found_where_nothing_is_scores_one_and_images_weigh_the_same() -> None:
    empty = _field(np.zeros((4, 4), bool), np.zeros((4, 4), np.uint8))
    wrong = _field(np.ones((40, 40), bool), np.zeros((40, 40), np.uint8))
    assert _score(empty) == 1.0
    assert _score(empty, wrong) == pytest.approx(0.5)


class Three(nn.Module):
    """Calls dark pixels the first class, and grey ones the second."""

    def forward(self, picture: Tensor) -> Tensor:
        red = picture[:, :1]
        return torch.cat([-(red - level).abs() for level in (1.0, 0.0, 0.5)], 1)


def _classes(shown: np.ndarray, truth: np.ndarray) -> float:
    grey = np.array([255, 0, 128], np.uint8)[shown]
    field = Field("f", np.repeat(grey[..., None], 3, -1), np.stack([truth, truth]))
    return mean_dice(Three(), [field], PLAIN, 2, torch.float32, CPU, SPEC)


def test_of_several_classes_each_counts() -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[:2], truth[2:6] = 1, 2
    swapped = np.array([0, 2, 1], np.uint8)[truth]
    assert _classes(truth, truth) == 1.0
    assert _classes(swapped, truth) == 0.0
    # 2 of 4 rows of the second class are called the first: 2 * 2 / (4 + 2), 2 * 2 / (2 + 4)
    mistaken = truth.copy()
    mistaken[2:4] = 1
    assert _classes(mistaken, truth) == pytest.approx(2 / 3)


def test_of_several_classes_only_those_that_are_there_or_found_count() -> None:
    truth = np.zeros((8, 8), np.uint8)
    assert _classes(truth, truth) == 1.0
    truth[:4] = 2
    assert _classes(truth, truth) == 1.0
    found = truth.copy()
    found[7] = 1
    assert _classes(found, truth) == pytest.approx(0.5)
    truth[7] = IGNORE
    assert _classes(found, truth) == 1.0


def test_normalizer_centres_its_own_pictures() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.normal([180, 100, 160], [20, 30, 40], (64, 64, 3)).clip(0, 255).astype(np.uint8)
    normalizer = Normalizer.of([Field("f", rgb, np.zeros((2, 64, 64), np.uint8))])
    picture = normalizer(torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255.0)
    assert picture.mean((0, 2, 3)).abs().max() < 0.05
    assert (picture.std((0, 2, 3)) - 1).abs().max() < 0.1
