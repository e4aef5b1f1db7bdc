"""What two models see in a file: maps, table and figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine import features as module
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Notice, run
from napari_selfreg.engine.features import (
    FeaturesRequest,
    distinct_names,
    features,
    figure_sides,
)
from napari_selfreg.engine.inside_types import BlockMaps, Inside
from napari_selfreg.io.inside_figure import FigureSide
from tests.bundles import tiny_bundle
from tests.engine.models import picture
from tests.engine.volume.models import volume_bundle


@pytest.fixture
def request_(tmp_path: Path) -> FeaturesRequest:
    Image.fromarray(picture(50, 70)).save(tmp_path / "field.png")
    models = tuple(
        load_model(tiny_bundle(tmp_path / f"{um}.safetensors", seed=i, um_per_px=[um, um]))
        for i, um in enumerate((1.0, 2.0))
    )
    return FeaturesRequest(tmp_path / "field.png", models, tmp_path / "out", 1.0, ("E1", "B"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what the figure is asked to show instead of drawing it."""
    calls: list[Any] = []

    def note(folder: Any, sides: Any, width: float, dpi: float) -> dict[str, Path]:
        calls.append((sides, width, dpi))
        return {"pdf": Path(folder) / "figure.pdf"}

    monkeypatch.setattr(module, "write_inside_figure", note)
    return calls


def test_files_lie_flat_and_each_model_has_its_own_size(
    request_: FeaturesRequest, drawn: list[Any]
) -> None:
    document = run(features(request_))
    folder = Path(request_.output_dir)
    names = {f"{name}_{block}.ome.tif" for name in ("tiny", "tiny-2") for block in ("E1", "B")}
    assert {path.name for path in folder.iterdir()} == {*names, "numbers.csv"}
    assert tifffile.imread(folder / "tiny_E1.ome.tif").shape == (4, 50, 70)
    assert tifffile.imread(folder / "tiny-2_E1.ome.tif").shape == (4, 25, 35)
    with tifffile.TiffFile(folder / "tiny-2_B.ome.tif") as tiff:
        assert 'PhysicalSizeY="32.0"' in (tiff.ome_metadata or "")
    assert [model["um_per_px"] for model in document["models"]] == [1.0, 2.0]
    assert (document["um_per_px"], document["um_per_px_source"]) == (1.0, "option")
    assert document["models"][1]["maps"]["B"] == str(folder / "tiny-2_B.ome.tif")
    numbers = [model["numbers"]["B"] for model in document["models"]]
    assert numbers[0]["cka"] == numbers[1]["cka"]
    assert -1 <= numbers[0]["cka"] <= 1
    assert numbers[0]["similarity"] != numbers[1]["similarity"]
    ((sides, width, dpi),) = drawn
    assert [side.name for side in sides] == ["tiny", "tiny-2"]
    assert (width, dpi) == (180.0, 300.0)


def test_one_model_has_nothing_to_be_compared_with(
    request_: FeaturesRequest, drawn: list[Any]
) -> None:
    document = run(features(replace(request_, models=request_.models[:1], blocks=("D1",))))
    (model,) = document["models"]
    assert list(model["maps"]) == list(model["numbers"]) == ["D1"]
    assert model["numbers"]["D1"]["cka"] is None


def test_blocks_of_all_models_are_known_before_one_computes(
    request_: FeaturesRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = request_.models
    shallow = replace(second.tapspec, taps=second.tapspec.taps[-2:])
    models = (first, replace(second, tapspec=shallow))
    monkeypatch.setattr(module, "look", lambda asked: pytest.fail("it has computed"))
    with pytest.raises(BadModelError, match=r"'tiny' has no block 'E1': it has D2, D1\."):
        run(features(replace(request_, models=models)))
    assert not Path(request_.output_dir).exists()


def test_a_model_for_volumes_is_named_before_the_file_is_opened(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "s.tif", np.zeros((35, 16, 16), np.uint8))
    model = load_model(volume_bundle(tmp_path / "model.safetensors"))
    with pytest.raises(BadModelError, match="is not for RGB pictures: choose"):
        run(features(FeaturesRequest(tmp_path / "s.tif", (model,), tmp_path / "out")))


def test_a_figure_that_cannot_be_drawn_is_refused_before_a_model_computes(
    request_: FeaturesRequest,
) -> None:
    with pytest.raises(BadInputError, match="cannot be drawn"):
        next(features(replace(request_, dpi=1e9, um_per_px=None)))
    assert not Path(request_.output_dir).exists()


def test_an_assumed_pixel_size_is_said(request_: FeaturesRequest, drawn: list[Any]) -> None:
    events: list[Any] = []
    run(features(replace(request_, um_per_px=None, blocks=("B",))), events.append)
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert any("no pixel size" in message for message in notices)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_finest_model_says_which_level_of_a_slide_is_read(
    request_: FeaturesRequest, drawn: list[Any], monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(module, "working_level", lambda *args: asked.append(args[2].mean) or 0)
    models = tuple(request_.models[i] for i in order)
    run(features(replace(request_, models=models, blocks=("B",))))
    assert asked == [1.0]


def test_names_are_told_apart() -> None:
    assert distinct_names(["a", "b"]) == ["a", "b"]
    assert distinct_names(["a", "a"]) == ["a", "a-2"]


def seen(attention: float | None) -> Inside:
    maps = np.arange(48, dtype=np.float16).reshape(3, 4, 4)
    plane = None if attention is None else np.full((4, 4), attention, np.float32)
    block = BlockMaps("E2", maps, (2.0, 2.0), (0.5, 0.5), attention=plane)
    return Inside("m", PixelSize.isotropic(1.0), Box(0, 0, 7, 7), {"E2": block})


def sides_of(*attention: float | None) -> list[FigureSide]:
    insides = {str(i): seen(each) for i, each in enumerate(attention)}
    return figure_sides(insides, np.zeros((7, 7, 3), np.uint8))


def test_the_figure_shows_attention_only_if_all_have_some() -> None:
    assert [side.overlays["E2"].max() for side in sides_of(0.5, 0.25)] == [0.5, 0.25]
    assert [side.shown for side in sides_of(0.5, 0.25)] == ["attention", "attention"]
    assert [side.shown for side in sides_of(0.5, None)] == ["energy", "energy"]
    for attention in ((0.5, 0.0), (0.5, None)):
        assert all(side.overlays["E2"].max() > 20 for side in sides_of(*attention))


def test_the_halves_of_the_channels_are_shown() -> None:
    (side,) = sides_of(0.5)
    assert side.shallow["E2"].shape == side.deep["E2"].shape == (1, 1)
    assert side.overlays["E2"].shape == (4, 4)
