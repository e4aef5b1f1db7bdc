from __future__ import annotations

import ast
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io import figure_script
from napari_selfreg.io.inside_figure import FigureSide, figure_arrays, write_inside_figure

SUFFIXES = ["npz", "pdf", "png", "py", "svg"]


def side(
    name: str = "glands", blocks: str = "E1 B D1", seed: int = 0, **changes: Any
) -> FigureSide:
    rng = np.random.default_rng(seed)
    parts = {
        "picture": rng.integers(0, 255, (40, 60, 3), np.uint8),
        "overlays": {block: rng.random((20, 30)) for block in blocks.split()},
        "shallow": {block: rng.random((4, 4)) for block in blocks.split()},
        "deep": {block: rng.random((4, 4)) for block in blocks.split()},
    }
    return FigureSide(name, **(parts | changes))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def text_of_pdf(path: Path) -> bytes:
    """Return the streams of a PDF, unpacked."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    texts = []
    for stream in found:
        try:
            texts.append(zlib.decompress(stream))
        except zlib.error:
            texts.append(stream)
    return b"\n".join(texts)


def test_five_files_lie_flat_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    files = write_inside_figure(folder, [side(), side("mine", seed=1)], dpi=60)
    assert sorted(files) == SUFFIXES
    assert sorted(path.name for path in folder.iterdir()) == [f"figure.{s}" for s in SUFFIXES]
    assert all(path == folder / f"figure.{suffix}" for suffix, path in files.items())


@pytest.mark.parametrize(("width_mm", "dpi"), [(180.0, 100.0), (85.0, 60.0)])
def test_width_and_resolution_are_those_asked_for(
    tmp_path: Path, width_mm: float, dpi: float
) -> None:
    files = write_inside_figure(tmp_path, [side()], width_mm=width_mm, dpi=dpi)
    with Image.open(files["png"]) as picture:
        assert picture.width == pytest.approx(width_mm / 25.4 * dpi, abs=1)
        assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
    (points,) = re.findall(r'<svg [^>]*width="([\d.]+)pt"', files["svg"].read_text())
    assert float(points) == pytest.approx(width_mm / 25.4 * 72, abs=0.1)


def test_text_stays_text(tmp_path: Path) -> None:
    files = write_inside_figure(tmp_path, [side("my glands")], dpi=60)
    svg = files["svg"].read_text()
    for word in ("my glands", "E1", "B", "D1", "shallow", "deep", "similarity"):
        assert re.search(rf"<text [^>]*>{word}</text>", svg), word
    pdf = text_of_pdf(files["pdf"]) + files["pdf"].read_bytes()
    assert b"/FontFile2" in pdf  # the whole letters, as TrueType
    assert b"/Type3" not in pdf


@pytest.mark.parametrize("shown", ["energy", "attention"])
def test_the_scale_says_what_is_shown(tmp_path: Path, shown: str) -> None:
    files = write_inside_figure(tmp_path, [side(shown=shown)], dpi=60)
    assert f">relative {shown}<" in files["svg"].read_text("utf-8")


def test_nothing_tells_when_or_where_it_was_drawn(tmp_path: Path) -> None:
    first = write_inside_figure(tmp_path / "a", [side()], dpi=60)
    second = write_inside_figure(tmp_path / "b", [side()], dpi=60)
    for suffix in ("pdf", "svg", "png", "py"):
        content = first[suffix].read_bytes()
        assert content == second[suffix].read_bytes(), suffix
        assert str(tmp_path).encode() not in content
        assert suffix == "py" or b"CreationDate" not in content


def test_the_script_draws_the_same_figure_alone(tmp_path: Path) -> None:
    files = write_inside_figure(tmp_path, [side(), side("mine", "E1 D1", 1)], 100, 80)
    drawn, svg = pixels(files["png"]), files["svg"].read_bytes()
    for suffix in ("pdf", "svg", "png"):
        files[suffix].unlink()
    alone = [sys.executable, "-W", "error", str(files["py"])]
    blocked = "import sys; sys.modules['napari_selfreg'] = None; import runpy; "
    run_it = (
        f"{blocked}sys.argv = [{str(files['py'])!r}]; runpy.run_path(sys.argv[0], None, '__main__')"
    )
    subprocess.run([*alone[:3], "-c", run_it], check=True, cwd=tmp_path.parent)
    assert np.array_equal(pixels(files["png"]), drawn)
    assert files["svg"].read_bytes() == svg
    assert files["pdf"].is_file()
    subprocess.run([*alone, "--width-mm", "70", "--dpi", "40"], check=True)
    assert pixels(files["png"]).shape[1] == round(70 / 25.4 * 40)


def test_the_script_needs_numpy_and_matplotlib_only() -> None:
    tree = ast.parse(Path(figure_script.__file__).read_text("utf-8"))
    named = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert named - sys.stdlib_module_names == {"numpy", "matplotlib"}


def test_the_data_are_plain_arrays(tmp_path: Path) -> None:
    shown = side()
    files = write_inside_figure(tmp_path, [shown], 120, 60)
    with np.load(files["npz"], allow_pickle=False) as data:
        assert list(data["names"]) == ["glands"]
        assert list(data["blocks"]) == ["E1", "B", "D1"]
        assert (float(data["width_mm"]), float(data["dpi"])) == (120, 60)
        assert np.array_equal(data["picture_0"], shown.picture)
        assert np.allclose(data["overlay_0_B"], shown.overlays["B"])
        assert np.allclose(data["deep_0_D1"], shown.deep["D1"])


def images_of(sides: list[FigureSide]) -> list[Any]:
    """Return the pictures of the drawn figure that have a colour scale."""
    figure = figure_script.draw(figure_arrays(sides, 120, 60), 120)
    shown = [image for axes in figure.axes for image in axes.get_images()]
    return [image for image in shown if image.get_array().ndim == 2]


def test_a_block_has_one_colour_scale_for_all_models() -> None:
    low = side(overlays={"E1": np.full((4, 6), 1.0)}, shallow={}, deep={})
    high = side("mine", overlays={"E1": np.full((4, 6), 4.0)}, shallow={}, deep={})
    overlays = [i for i in images_of([low, high]) if i.get_cmap().name == "inferno"]
    assert {i.get_clim() for i in overlays} == {(0, 1)}
    means = [float(i.get_array().mean()) for i in overlays]
    assert means == pytest.approx([0.25, 1.0])


def test_overlays_cover_the_picture_whatever_their_size() -> None:
    shown = side(overlays={"E1": np.zeros((40, 60)), "B": np.zeros((3, 4))}, shallow={}, deep={})
    extents = {tuple(i.get_extent()) for i in images_of([shown])}
    assert extents == {(-0.5, 59.5, 39.5, -0.5)}


@pytest.mark.parametrize(("value", "lowest"), [(0.2, 0), (-0.2, -1)])
def test_matrices_share_a_scale_that_holds_them_all(value: float, lowest: float) -> None:
    deep = {"E1": np.full((3, 3), value)}
    matrices = [i for i in images_of([side(), side(deep=deep)]) if i.get_cmap().name == "viridis"]
    assert len(matrices) == 10
    assert {i.get_clim() for i in matrices} == {(lowest, 1)}


def test_rows_are_models_and_columns_blocks() -> None:
    sides = [side(), side("mine", "E1 D1")]
    figure = figure_script.draw(figure_arrays(sides, 120, 60), 120)
    words = [text.get_text() for text in figure.texts]
    assert words.count("B") == 2  # once above the pictures, once above the matrices
    assert words.count("glands") == words.count("mine") == 2
    places = {t.get_text(): t.get_position() for t in figure.texts}
    assert places["E1"][0] < places["B"][0] < places["D1"][0]
    assert places["glands"][1] > places["mine"][1]
    boxes = [axes.get_position().bounds for axes in figure.axes]
    assert all(x >= 0 and y >= 0 and x + w <= 1 and y + h <= 1 for x, y, w, h in boxes)


def test_without_matrices_there_is_one_panel() -> None:
    shown = side(shallow={}, deep={})
    figure = figure_script.draw(figure_arrays([shown], 120, 60), 120)
    words = [text.get_text() for text in figure.texts]
    assert "a" in words
    assert "b" not in words
    assert "shallow" not in words


def test_a_single_channel_has_no_halves(tmp_path: Path) -> None:
    empty = {"E1": np.zeros((0, 0))}
    files = write_inside_figure(tmp_path, [side(shallow=empty, deep=empty)], dpi=40)
    with np.load(files["npz"]) as data:
        assert not [name for name in data.files if name.startswith(("shallow", "deep"))]


def test_blocks_without_activity_are_drawn(tmp_path: Path) -> None:
    dead = side(overlays={"E1": np.zeros((5, 5))})
    assert write_inside_figure(tmp_path, [dead], dpi=40)["png"].is_file()


@pytest.mark.parametrize(
    ("sides", "options"),
    [
        ([], {}),
        ([side(overlays={})], {}),
        ([side()], {"width_mm": 20}),
        ([side()], {"width_mm": float("nan")}),
        ([side()], {"width_mm": 1e9}),
        ([side()], {"width_mm": 900, "dpi": 1200}),
        ([side()], {"dpi": 0}),
        ([side()], {"dpi": 1e6}),
    ],
)
def test_what_cannot_be_drawn_is_told_first(
    tmp_path: Path, sides: list[FigureSide], options: dict[str, float]
) -> None:
    with pytest.raises(BadInputError, match="draw"):
        write_inside_figure(tmp_path / "new", sides, **options)
    assert not (tmp_path / "new").exists()


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "figure.svg").mkdir()
    with pytest.raises(WriteError, match=r"figure\.svg could not be written"):
        write_inside_figure(tmp_path, [side()], dpi=40)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.svg"]


def test_matplotlib_is_loaded_only_to_draw() -> None:
    code = "import sys, napari_selfreg.io.inside_figure; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
