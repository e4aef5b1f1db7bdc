"""What was written is what is read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.fields import has_results
from napari_selfreg.io.outputs import Origin, output_paths, write_results
from napari_selfreg.io.saved_results import is_saved, read_saved, saved_totals
from tests.io.test_outputs import ORIGIN, objects, table


def save(image: Path, origin: Origin = ORIGIN, folder: Path | None = None) -> Path:
    labels = objects()
    where = folder or image.parent / "results"
    where.mkdir(parents=True, exist_ok=True)
    write_results(where, labels, table(labels), replace(origin, stem=image.stem))
    return where


@pytest.mark.parametrize("size", [PixelSize.isotropic(0.5), PixelSize(0.5, 0.25)])
def test_labels_measurements_and_origin_come_back(tmp_path: Path, size: PixelSize) -> None:
    settings = PostProcessing(threshold=0.25, min_area_um2=3.0)
    image = tmp_path / "a.png"
    assert not is_saved(image)
    save(image, replace(ORIGIN, pixel_size=size, settings=settings, version="abc"))
    assert has_results(image)
    assert is_saved(image)
    found = read_saved(image)
    assert np.array_equal(found.labels, objects())
    assert (found.pixel_size, found.source) == (size, "file")
    assert (found.model, found.version, found.settings) == ("glands", "abc", settings)
    written = table(objects())
    assert set(found.table) == set(written)
    for name, column in written.items():
        if column.dtype.kind in "fiu":
            np.testing.assert_allclose(found.table[name], column, rtol=1e-5)
        else:
            assert found.table[name].tolist() == column.tolist()


@pytest.mark.parametrize("scale", [(1.0, 1.0), (4.0, 2.0)])
def test_totals_are_known_without_the_pixels(tmp_path: Path, scale: tuple[float, float]) -> None:
    image = tmp_path / "a.png"
    assert saved_totals(image) is None
    folder = save(image, replace(ORIGIN, pixel_size=PixelSize(0.5, 0.25), scale=scale))
    found = saved_totals(image)
    assert found is not None
    written = np.asarray(table(objects())["area_um2"])
    assert found.objects == len(written)
    np.testing.assert_allclose(found.areas_um2, written, rtol=1e-5)
    assert found.covered_um2 == pytest.approx(written.sum(), rel=1e-5)
    pixel = 0.5 * scale[0] * 0.25 * scale[1]
    assert found.region_um2 == pytest.approx(objects().size * pixel, rel=1e-3)
    output_paths(folder, "a")["measurements"].unlink()
    assert saved_totals(image) is None


def test_what_a_person_has_changed_is_known_again(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    folder = save(image)
    assert not read_saved(image).corrected
    save(image, replace(ORIGIN, corrected=True))
    assert read_saved(image).corrected
    outlines = json.loads(output_paths(folder, "a")["geojson"].read_text("utf-8"))
    assert outlines["corrected_by_hand"] is True


def test_compressed_outlines_are_results_too(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    outlines = output_paths(save(image), "a")["geojson"]
    outlines.rename(outlines.with_name(f"{outlines.name}.gz"))
    assert has_results(image)
    outlines.with_name(f"{outlines.name}.gz").unlink()
    assert not has_results(image)


def test_another_folder(tmp_path: Path) -> None:
    folder = save(tmp_path / "a.png", folder=tmp_path / "elsewhere")
    assert read_saved(tmp_path / "a.png", folder).model == "glands"
    with pytest.raises(BadInputError, match=r"a\.png cannot be read"):
        read_saved(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["objects", "measurements"])
def test_files_of_somebody_else_are_refused(tmp_path: Path, kind: str) -> None:
    folder = save(tmp_path / "a.png")
    output_paths(folder, "a")[kind].write_text("image,label\na,one\n")
    with pytest.raises(BadInputError, match="segment it again"):
        read_saved(tmp_path / "a.png")


def test_files_of_two_results_are_refused(tmp_path: Path) -> None:
    path = output_paths(save(tmp_path / "a.png"), "a")["measurements"]
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    with pytest.raises(BadInputError, match="do not belong together"):
        read_saved(tmp_path / "a.png")


def test_damaged_pixels_are_refused_too(tmp_path: Path) -> None:
    path = output_paths(save(tmp_path / "a.png"), "a")["objects"]
    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = bytes(count)
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"a\.png cannot be read: rename or delete them"):
        read_saved(tmp_path / "a.png")


def test_no_damage_breaks_what_reads_it(tmp_path: Path) -> None:
    path = output_paths(save(tmp_path / "a.png"), "a")["objects"]
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInputError):
            read_saved(tmp_path / "a.png")
        saved_totals(tmp_path / "a.png")


def test_a_full_memory_is_not_blamed_on_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    save(tmp_path / "a.png")
    monkeypatch.setattr(tifffile, "TiffFile", full)
    with pytest.raises(MemoryError):
        read_saved(tmp_path / "a.png")


def test_totals_of_what_no_reader_expects_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a codec")

    save(tmp_path / "a.png")
    monkeypatch.setattr(tifffile, "TiffFile", fail)
    assert saved_totals(tmp_path / "a.png") is None
