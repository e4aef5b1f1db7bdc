"""What a person types for an image without a pixel size is kept, also for its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from napari_selfreg.widgets.typed_sizes import TypedSizes, folder_size

TYPED = PixelSize(y=0.5, x=0.5)


def layer_of(path: Path, stated: PixelSize | None = None) -> Image:
    info = SourceInfo(path, path.stem, stated, lazy=False)
    return Image(np.zeros((4, 4, 3), np.uint8), rgb=True, metadata={SOURCE_KEY: info})


def test_a_typed_size_holds_for_its_image_and_for_the_other_images_of_the_folder(
    tmp_path: Path,
) -> None:
    sizes, first, second = TypedSizes(), layer_of(tmp_path / "a.png"), layer_of(tmp_path / "b.png")
    sizes.keep(first, TYPED)
    assert sizes.of(first) == TYPED
    assert sizes.of(second) is None
    assert folder_size(second) == TYPED
    sizes.forget(first)
    assert sizes.of(first) is None


@pytest.mark.parametrize("known", [True, False])
def test_a_folder_takes_no_size_from_images_that_state_one_or_have_no_file(
    tmp_path: Path, known: bool
) -> None:
    sizes = TypedSizes()
    stated = layer_of(tmp_path / "a.png", PixelSize(y=1.0, x=1.0))
    layer = stated if known else Image(np.zeros((4, 4)))
    sizes.keep(layer, TYPED)
    assert sizes.of(layer) == TYPED
    assert folder_size(layer) is None
