from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io import lazy, memory
from napari_selfreg.io.lazy import LazyLevel
from tests.io.image_files import tissue

HEIGHT, WIDTH = 1100, 700
PIXELS = tissue(HEIGHT, WIDTH)


def level(chunk: tuple[int, int] = (256, 100), reads: list[Box] | None = None) -> LazyLevel:
    def read(box: Box) -> Any:
        if reads is not None:
            reads.append(box)
        return PIXELS[box.slices]

    return LazyLevel(read, (HEIGHT, WIDTH), chunk, "slide.svs")


LEVEL = level()


def slices(length: int) -> st.SearchStrategy[slice]:
    ends = st.none() | st.integers(-length - 5, length + 5)
    steps = st.none() | st.sampled_from([-7, -1, 1, 2, 300])
    return st.builds(slice, ends, ends, steps)


@given(slices(HEIGHT), slices(WIDTH), slices(3))
def test_slicing_is_that_of_numpy(y: slice, x: slice, c: slice) -> None:
    assert np.array_equal(LEVEL[y, x, c], PIXELS[y, x, c])


@pytest.mark.parametrize(
    "key",
    [
        5,
        -1,
        (3, 4),
        (3, slice(10, 20)),
        Ellipsis,
        (Ellipsis, 0),
        (Ellipsis, slice(0, 9), slice(None)),
        (slice(500, 530), Ellipsis),
        (1099, 699, 2),
        slice(5, 8),
        (slice(0, 0), slice(None)),
        (np.int64(7), slice(None)),
    ],
)
def test_other_keys_too(key: Any) -> None:
    got = LEVEL[key]
    assert np.array_equal(got, PIXELS[key])
    assert got.shape == PIXELS[key].shape


@pytest.mark.parametrize("key", [1100, (0, 700), ([1, 2],), (0, 0, 0, 0)])
def test_keys_that_numpy_would_read_differently_raise(key: Any) -> None:
    with pytest.raises(IndexError):
        LEVEL[key]


def test_it_looks_like_an_array() -> None:
    assert (LEVEL.shape, LEVEL.ndim, LEVEL.dtype) == (PIXELS.shape, 3, np.uint8)
    assert (LEVEL.size, LEVEL.nbytes, len(LEVEL)) == (PIXELS.size, PIXELS.nbytes, HEIGHT)
    assert np.array_equal(np.asarray(LEVEL), PIXELS)
    assert np.asarray(LEVEL, np.float32).dtype == np.float32


def test_dask_takes_it_as_it_is() -> None:
    array = pytest.importorskip("dask.array").from_array(LEVEL, chunks=LEVEL.chunks)
    assert np.array_equal(array[200:900:3, 50:60].compute(), PIXELS[200:900:3, 50:60])


def test_only_blocks_that_are_touched_are_read_and_only_once() -> None:
    reads: list[Box] = []
    lazy_level = level(reads=reads)
    assert lazy_level.chunks == (512, 600, 3)
    lazy_level[0:600, 0:10]
    assert reads == [Box(0, 0, 512, 600), Box(512, 0, 1024, 600)]
    lazy_level[500:1024, 20:599]
    assert len(reads) == 2
    lazy_level[1030:1031, 650:651]
    assert reads[2:] == [Box(1024, 600, 1100, 700)]


def test_strips_become_blocks_of_full_width() -> None:
    assert level(chunk=(1, WIDTH)).chunks == (512, 700, 3)


def test_the_cache_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "_CACHE_BYTES", 2 * 512 * 600 * 3)
    lazy_level = level()
    lazy_level[:]
    assert sum(block.nbytes for block in lazy_level._blocks.values()) <= 2 * 512 * 600 * 3
    assert np.array_equal(lazy_level[:], PIXELS)


def test_several_threads_may_read() -> None:
    lazy_level = level()
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda y: lazy_level[y : y + 30], range(0, HEIGHT, 30)))
    assert np.array_equal(np.concatenate(rows), PIXELS)


def test_a_tile_that_cannot_be_decoded_names_file_and_place() -> None:
    def read(box: Box) -> Any:
        if box.y0 > 0:
            raise RuntimeError("imagecodecs.JpegError")
        return PIXELS[box.slices]

    damaged = LazyLevel(read, (HEIGHT, WIDTH), (256, 100), "slide.svs")
    assert damaged[:10].shape == (10, WIDTH, 3)
    with pytest.raises(BadInputError, match=r"slide\.svs is damaged near row 512, column 0: copy"):
        damaged[600, 0]


def test_after_closing_nothing_is_read_not_even_from_memory() -> None:
    lazy_level = level()
    lazy_level[:5]
    lazy_level.close()
    with pytest.raises(BadInputError, match=r"slide\.svs was closed: open it again"):
        lazy_level[:5]


def test_closing_while_a_tile_is_decoded_is_not_called_damage() -> None:
    def read(_: Box) -> Any:
        lazy_level.close()
        raise ValueError("I/O operation on closed file")

    lazy_level = LazyLevel(read, (HEIGHT, WIDTH), (256, 256), "slide.svs")
    with pytest.raises(BadInputError, match="was closed"):
        lazy_level[:5]
    assert not lazy_level._blocks


def test_the_whole_level_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(BadInputError, match=r"needs 0\.0 GB of memory"):
        np.asarray(LEVEL)


def test_no_array_is_promised_without_a_copy() -> None:
    with pytest.raises(ValueError, match=r"slide\.svs lies on disk"):
        np.asarray(LEVEL, copy=False)
    assert np.array_equal(np.array(LEVEL, copy=True), PIXELS)
