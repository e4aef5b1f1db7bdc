"""Looking inside: exact places, tiles, attention, numbers, and every architecture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.redundancy import block_numbers
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Notice, Progress, run
from napari_selfreg.engine.inside import look
from napari_selfreg.engine.inside_types import Attention, Inside, InsideRequest
from napari_selfreg.nets.gradcam import grad_cam
from napari_selfreg.nets.registry import architectures, build_network, tap_spec
from tests.engine.looks import LADDER_STEPS, Ladder, ladder, ramps, unet, with_taps
from tests.engine.models import picture
from tests.threads import threads

ONE = PixelSize.isotropic(1.0)
SMALL: dict[str, dict[str, Any]] = {
    "basic_unet": {"features": (4, 4, 8, 8, 16, 4)},
    "attention_unet": {"channels": (4, 8, 16)},
    "dynunet": {"filters": (4, 8, 16)},
    "swin_unetr": {"feature_size": 12},
    "unetr": {"img_size": 32, "feature_size": 4, "hidden_size": 24, "num_heads": 2, "mlp_dim": 32},
    "selfreg_unet_paper": {"base": 4},
    "trans_unet": {"base": 4, "hidden": 16, "layers": 1, "heads": 2, "mlp": 16, "grid": 2},
    "vnet": {},
}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    with threads(1):
        yield


def looked(image: np.ndarray, model: Any, **request: Any) -> Inside:
    request = {"pixel_size": ONE, "device": "cpu", "numbers": False, **request}
    return run(look(InsideRequest(image=image, model=model, **request)))


def small_windows(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    monkeypatch.setattr("napari_selfreg.engine.inside.largest_side", lambda *_, **__: side)


def normalised(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((image.astype(np.float32) / 255 - 0.5) / 0.25).permute(2, 0, 1)[None]


def assert_in_place(inside: Inside, image: np.ndarray, margin: float, atol: float) -> None:
    """Every map pixel of the ladder holds the place of its own centre."""
    region, middle = inside.region, (image.shape[0] // 2, image.shape[1] // 2)
    edges = ((region.y0, region.y1), (region.x0, region.x1))
    for maps in inside.blocks.values():
        assert maps.maps.dtype == np.float16
        for axis in (0, 1):
            grid = maps.grid
            centres = grid.centres(axis)
            lines = np.moveaxis(maps.maps[axis].astype(np.float64), axis, 0)
            half = grid.scale[axis] / 2
            outer = (centres - half < margin) | (centres + half > image.shape[axis] - 1 - margin)
            wanted = np.broadcast_to(centres[:, None] - middle[axis], lines.shape)
            np.testing.assert_allclose(lines[~outer], wanted[~outer], atol=atol)
            # all of the region is shown, and no map pixel lies outside it
            assert centres[0] - half <= edges[axis][0] - 0.5 + 1e-6
            assert centres[-1] + half >= edges[axis][1] - 0.5 - 1e-6
            assert centres[0] + half > edges[axis][0] - 0.5
            assert centres[-1] - half < edges[axis][1] - 0.5


@pytest.mark.parametrize("size", [(64, 96), (61, 83), (117, 45)])
@pytest.mark.parametrize("um", [(1.0, 1.0), (0.5, 0.5), (1.7, 1.7), (0.8, 1.3)])
@pytest.mark.parametrize("region", [None, Box(11, 7, 54, 40)])
@pytest.mark.parametrize("side", [1000, 96])
def test_every_block_lies_where_it_was_seen(
    size: tuple[int, int],
    um: tuple[float, float],
    region: Box | None,
    side: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_windows(monkeypatch, side)
    image, model = ramps(*size), ladder(um_per_px=um)
    inside = looked(image, model, region=region)
    assert list(inside.blocks) == list(LADDER_STEPS)
    assert inside.um_per_px == PixelSize(*um)
    # resampling itself moves single pixels by a twentieth
    assert_in_place(inside, image, margin=2 * max(um), atol=0.02 if um == (1, 1) else 0.12)
    for block, maps in inside.blocks.items():
        ratios = [n / max(1, round(n / target)) for n, target in zip(size, um, strict=True)]
        assert maps.scale == pytest.approx([LADDER_STEPS[block] * ratio for ratio in ratios])


def test_the_origin_of_whole_pixels_is_exact() -> None:
    inside = looked(ramps(40, 48), ladder(), region=Box(8, 16, 24, 40))
    assert inside.blocks["E1"].translate == (8, 16)
    assert inside.blocks["B"].translate == (11.5, 19.5)
    assert inside.blocks["B"].maps.shape == (3, 2, 3)
    assert inside.blocks["E2"].scale == (2, 2)


def test_a_region_shows_what_the_whole_picture_shows_there(monkeypatch: pytest.MonkeyPatch) -> None:
    small_windows(monkeypatch, 240)
    image, model = picture(333, 290), unet()
    inside = looked(image, model, region=Box(37, 21, 250, 203))
    padded = np.pad(image, ((0, 3), (0, 14), (0, 0)), mode="reflect")
    with torch.no_grad(), model.tapspec.open(model.network) as taps:
        model.network(normalised(padded))
        plain = {block: taps[block][0].numpy() for block in taps}
    for block, maps in inside.blocks.items():
        firsts = [(t + 0.5) / s - 0.5 for t, s in zip(maps.translate, maps.scale, strict=True)]
        row, column = (round(first) for first in firsts)
        assert firsts == pytest.approx([row, column])
        height, width = maps.maps.shape[1:]
        wanted = plain[block][:, row : row + height, column : column + width]
        np.testing.assert_allclose(maps.maps, wanted, atol=0.01 * np.abs(plain[block]).max())


def test_tiles_show_what_one_window_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    image, region = picture(330, 300), Box(30, 10, 301, 290)
    whole = looked(image, unet(), region=region)
    small_windows(monkeypatch, 240)
    events: list[Any] = []
    request = InsideRequest(image, ONE, unet(), region, device="cpu", numbers=False)
    tiled = run(look(request), events.append)
    assert max(event.total for event in events if isinstance(event, Progress)) > 1
    for block, maps in tiled.blocks.items():
        assert maps.grid == whole.blocks[block].grid
        scale = np.abs(whole.blocks[block].maps).max()
        np.testing.assert_allclose(maps.maps, whole.blocks[block].maps, atol=0.01 * scale)
        np.testing.assert_allclose(maps.last, whole.blocks[block].last, atol=0.01 * scale)


def test_maps_are_those_of_the_plain_network() -> None:
    image, model = picture(64, 80), unet()
    inside = looked(image, model)
    with torch.no_grad(), model.tapspec.open(model.network) as taps:
        model.network(normalised(image))
        wanted = {block: taps[block][0].numpy() for block in taps}
    for block, maps in inside.blocks.items():
        np.testing.assert_allclose(maps.maps, wanted[block], atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("um", [(1.0, 1.0), (0.6, 0.9)])
def test_attention_is_grad_cam_on_the_model_grid(
    um: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    image, model = picture(96, 112), unet(um_per_px=um)
    mask = np.zeros((96, 112), bool)
    mask[30:70, 20:90] = True
    inside = looked(image, model, attention=Attention(1, mask), numbers=True)
    if um == (1.0, 1.0):
        wanted = grad_cam(
            model.network, model.tapspec, normalised(image), torch.from_numpy(mask), 1
        )
        for block, maps in inside.blocks.items():
            one = wanted[block][0].numpy()
            np.testing.assert_allclose(maps.attention, one, atol=3e-3 * max(one.max(), 1e-6))
    for block, maps in inside.blocks.items():
        assert maps.attention.shape == maps.mask.shape == maps.maps.shape[1:]
        assert maps.importance.shape == (len(maps.maps),)
        inner = maps.mask[maps.grid.nearest(50, 0), maps.grid.nearest(55, 1)]
        assert inner == pytest.approx(1)
        assert maps.mask[0, 0] < 1
        assert 0 <= inside.numbers[block].attention_overlap <= 1


def test_attention_of_tiles_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    image, region = picture(300, 256), Box(10, 10, 280, 250)
    asked = Attention(1, np.ones(region.shape, bool))
    whole = looked(image, unet(), region=region, attention=asked)
    small_windows(monkeypatch, 240)
    tiled = looked(image, unet(), region=region, attention=asked)
    assert whole.blocks["E1"].attention.any()
    for block, maps in tiled.blocks.items():
        wanted = whole.blocks[block]
        scale = max(wanted.attention.max(), 1e-9)
        np.testing.assert_allclose(maps.attention, wanted.attention, atol=0.03 * scale)
        scale = np.abs(wanted.importance).max()  # of either sign, so that no block shows nothing
        assert scale > 0
        np.testing.assert_allclose(maps.importance, wanted.importance, atol=0.03 * scale)
        np.testing.assert_allclose(maps.mask, wanted.mask, atol=0.05)


def test_the_predicted_mask_is_where_the_class_wins() -> None:
    # the ladder's logits are its colours: row, column, 1
    inside = looked(ramps(64, 64), ladder(classes=("column", "one")), attention=Attention(1))
    rows, columns = np.mgrid[:64, :64] - 32
    wanted = (columns > rows) & (columns >= 1)  # the first of equals wins
    np.testing.assert_array_equal(inside.blocks["D1"].mask, wanted)


def test_nothing_to_attend_to_is_said() -> None:
    model, events = ladder(classes=("column", "one")), []
    image = np.stack([np.full((32, 32), value, np.float32) for value in (5, 1, 2)], axis=2)
    request = InsideRequest(image, ONE, model, attention=Attention(1), device="cpu")
    inside = run(look(request), events.append)
    assert not inside.blocks["D1"].attention.any()
    assert inside.notes == ("The model finds no column here: its attention is empty.",)
    assert Notice(inside.notes[0]) in events
    empty = replace(request, attention=Attention(1, np.zeros((32, 32), bool)))
    assert "mask is empty" in run(look(empty)).notes[0]


def test_numbers_are_of_what_is_shown() -> None:
    inside = looked(picture(70, 64), unet(), region=Box(5, 5, 60, 60), numbers=True)
    for block, maps in inside.blocks.items():
        residual = ((maps.maps.astype(np.float32) - maps.last) ** 2).mean()
        wanted = block_numbers(block, maps.maps, 0.0)
        found = inside.numbers[block]
        assert found.scr_distance == pytest.approx(residual, rel=1e-4)
        assert replace(found, scr_distance=0.0) == wanted
    assert inside.numbers.keys() == inside.blocks.keys()


def test_only_the_blocks_asked_for() -> None:
    inside = looked(picture(64, 64), unet(), blocks=("D1", "E2"))
    assert list(inside.blocks) == ["E2", "D1"]
    assert inside.blocks["E2"].last is not None
    with pytest.raises(BadModelError, match=r"no block 'E9': it has E1, E2"):
        looked(picture(64, 64), unet(), blocks=("E9",))
    with pytest.raises(BadModelError, match="without a block"):
        looked(picture(64, 64), unet(), blocks=())


def test_what_the_last_block_says_is_averaged_onto_each() -> None:
    inside = looked(picture(64, 96), unet())
    mean = inside.blocks["D1"].maps.astype(np.float32).mean(0)
    assert inside.blocks["B"].last == pytest.approx(
        mean.reshape(4, 16, 6, 16).mean((1, 3)), abs=1e-3
    )


@pytest.mark.parametrize("name", list(architectures()))
@pytest.mark.parametrize("attention", [None, Attention(1)])
def test_every_architecture_in_two_dimensions(name: str, attention: Attention | None) -> None:
    if 2 not in architectures()[name].spatial_dims:
        pytest.skip("three dimensions only")
    torch.manual_seed(0)
    network = build_network(name, in_channels=3, out_channels=2, **SMALL[name])
    spec = tap_spec(name, **SMALL[name])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    inside = looked(picture(75, 50), with_taps(network, spec), attention=attention, numbers=True)
    assert tuple(inside.blocks) == tuple(inside.numbers) == spec.blocks
    for maps in inside.blocks.values():
        grid = maps.grid
        assert grid.centres(0)[-1] + grid.scale[0] / 2 >= 74.5
        assert (maps.attention is None) == (attention is None)
        assert np.isfinite(maps.maps).all()
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())
    assert (spec.fixed_size is not None) == bool(inside.notes)


@pytest.mark.parametrize("name", list(architectures()))
def test_every_architecture_in_three_dimensions(name: str) -> None:
    if 3 not in architectures()[name].spatial_dims:
        pytest.skip("two dimensions only")
    torch.manual_seed(0)
    options = {"spatial_dims": 3, **SMALL[name]}
    network = build_network(name, in_channels=1, out_channels=2, **options)
    spec = tap_spec(name, **options)
    model = with_taps(network, spec, in_channels=1, um_per_px=(1.0, 1.0, 1.0))
    volume = np.random.default_rng(0).integers(0, 255, (20, 40, 35), dtype=np.uint8)
    inside = looked(volume, model, region=Box(3, 2, 31, 30), attention=Attention(1), numbers=True)
    assert tuple(inside.blocks) == spec.blocks
    maps = inside.blocks["E1"]
    assert len(maps.scale) == len(maps.translate) == maps.attention.ndim == 3
    if maps.scale == (1, 1, 1):
        assert maps.translate == (0, 3, 2)
        assert maps.maps.shape[1:] == (20, 28, 28)


def test_a_global_network_is_seen_whole_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = build_network("dynunet", in_channels=3, out_channels=2, **SMALL["dynunet"])
    model = with_taps(network, tap_spec("dynunet", **SMALL["dynunet"]))
    small_windows(monkeypatch, 64)
    events: list[Any] = []
    run(look(InsideRequest(picture(300, 280), ONE, model, device="cpu")), events.append)
    assert {event.total for event in events if event.message.startswith("Looking")} == {1}
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 1_000_000)
    with pytest.raises(BadInputError, match=r"needs .* GB of memory .* smaller part"):
        looked(picture(300, 280), model)


def test_too_many_maps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small_windows(monkeypatch, 240)
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 1_000_000)
    with pytest.raises(BadInputError, match="smaller part of the image, or fewer blocks"):
        looked(picture(400, 400), unet())


def test_no_torch_context_leaks_and_closing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    small_windows(monkeypatch, 240)
    job = look(InsideRequest(picture(400, 300), ONE, unet(), device="cpu", attention=Attention(1)))
    for _ in range(3):
        next(job)
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    job.close()
    with pytest.raises(StopIteration):
        next(job)


def test_progress_counts_up() -> None:
    events: list[Any] = []
    request = InsideRequest(picture(64, 64), ONE, unet(), device="cpu")
    run(look(request), events.append)
    steps = [event.done for event in events if event.message.startswith("Looking")]
    assert steps == [0, 1]
    assert all(a <= b for a, b in pairwise(steps))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((8, 8), np.uint8)}, "RGB image"),
        ({"region": Box(90, 90, 99, 99)}, "outside the image"),
        ({"attention": Attention(1, np.ones((3, 3), bool))}, "mask is 3 x 3"),
        ({"attention": Attention(7)}, "no output 7"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], message: str) -> None:
    request = InsideRequest(picture(64, 64), ONE, unet(), device="cpu")
    with pytest.raises(BadInputError, match=message):
        run(look(replace(request, **change)))


def test_networks_of_one_colour() -> None:
    class Grey(Ladder):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.expand(-1, 3, -1, -1))

    model = with_taps(Grey(), ladder().tapspec, in_channels=1)
    inside = looked(picture(32, 40)[..., :1], model)
    assert inside.blocks["E2"].maps.shape == (3, 16, 20)
    with pytest.raises(BadInputError, match=r"An image \(Y, X, 1\)"):
        looked(picture(32, 40), model)


def test_a_network_that_is_no_module_of_ours_needs_only_taps() -> None:
    norm = nn.InstanceNorm2d(3)
    inside = looked(ramps(45, 61), with_taps(Ladder(norm), ladder().tapspec))
    assert inside.blocks["B"].maps.shape == (3, 6, 8)
