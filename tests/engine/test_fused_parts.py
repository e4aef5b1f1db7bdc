"""What each level must compute."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.types import Box
from napari_selfreg.engine.fused_parts import bands, below, cut, grown, needed_parts
from tests.engine.crops import crops

LEVELS = 4


def inside(part, whole):
    return part.intersect(whole) == part


@given(crops(20, 20))
def test_every_level_has_what_the_next_one_sees(case):
    shape, crop = case
    parts = needed_parts(crop, shape, LEVELS)
    maps = [Box(0, 0, shape[0] >> level, shape[1] >> level) for level in range(LEVELS + 1)]
    assert inside(crop, parts.decoder[0])
    for level in range(LEVELS):
        decoder, encoder = parts.decoder[level], parts.encoder[level]
        assert all(v % 2 == 0 for v in (decoder.y0, decoder.x0, decoder.y1, decoder.x1))
        lower = parts.encoder[LEVELS] if level == LEVELS - 1 else parts.decoder[level + 1]
        assert inside(below(decoder).intersect(maps[level + 1]), lower)
        assert inside(grown(decoder, 2).intersect(maps[level]), encoder)
        seen = grown(parts.encoder[level + 1], 2).intersect(maps[level + 1])
        assert inside(Box(2 * seen.y0, 2 * seen.x0, 2 * seen.y1, 2 * seen.x1), encoder)
        assert inside(encoder, maps[level])


def test_the_context_of_a_pixel_is_the_receptive_field():
    parts = needed_parts(Box(800, 800, 816, 816), (1600, 1600), LEVELS)
    first = grown(parts.encoder[0], 2)
    assert 800 - first.y0 <= 96
    assert first.y1 - 816 <= 96
    assert parts.encoder[LEVELS].shape[0] < (first.y1 - first.y0) // 16


def test_a_whole_window_is_computed_whole():
    parts = needed_parts(Box(0, 0, 64, 96), (64, 96), LEVELS)
    assert parts.encoder == tuple(Box(0, 0, 64 >> i, 96 >> i) for i in range(LEVELS + 1))
    assert parts.decoder == parts.encoder[:-1]


evens = st.integers(0, 50).map(lambda n: 2 * n)


@given(evens, evens, evens, evens, st.integers(1, 5_000), st.integers(1, 64))
def test_blocks_cover_a_part_once_and_are_even(y0, x0, height, width, pixels, cores):
    part = Box(y0, x0, y0 + height + 2, x0 + width + 2)
    blocks = cut(part, pixels, cores)
    times = np.zeros(part.shape, np.uint8)
    for block in blocks:
        times[block.shift(-part.y0, -part.x0).slices] += 1
        assert block.y0 % 2 == block.x0 % 2 == block.y1 % 2 == block.x1 % 2 == 0
        assert block.shape[0] * block.shape[1] <= max(16, 3 * pixels)
    assert (times == 1).all()


def test_rows_are_whole_where_they_are_many():
    part = Box(0, 0, 512, 1000)
    assert {block.shape for block in cut(part, 64_000, 1)} == {(64, 1000)}
    square = cut(part, 16_000, 1)
    assert max(block.shape[1] for block in square) < 200


@given(evens, evens, evens, evens, st.integers(1, 5_000))
def test_bands_are_whole_even_rows_from_top_to_bottom(y0, x0, height, width, pixels):
    part = Box(y0, x0, y0 + height + 2, x0 + width + 2)
    found = bands(part, pixels)
    assert [band.y0 for band in found[1:]] == [band.y1 for band in found[:-1]]
    assert (found[0].y0, found[-1].y1) == (part.y0, part.y1)
    assert all((band.x0, band.x1, band.y0 % 2) == (part.x0, part.x1, 0) for band in found)
    assert len(found) == 1 or max(band.shape[0] for band in found) >= 16


def test_a_band_holds_about_what_is_asked_for():
    assert [band.shape for band in bands(Box(0, 0, 2048, 2048), 1 << 20)] == [(512, 2048)] * 4
    assert cut(Box(4, 0, 4, 8), 100, 2) == []


def test_every_core_gets_several_blocks_that_are_not_too_small():
    part = Box(0, 0, 512, 512)
    assert len(cut(part, 1 << 30, 1)) == 1
    for cores in (2, 4, 16):
        assert len(cut(part, 1 << 30, cores)) >= 1.5 * cores
    assert len(cut(Box(0, 0, 32, 32), 1 << 30, 16)) == 1
