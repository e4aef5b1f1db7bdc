"""Volume files as other programs write them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume import read_volume, read_volume_labels

RAMP = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)


def refusal(path: Path, labels: bool = False) -> str:
    """Return the sentence that a file is refused with, which names the file and a remedy."""
    with pytest.raises(BadInputError) as caught:
        (read_volume_labels if labels else read_volume)(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert re.fullmatch(r"[^\n]+: [^\n]+\.", sentence), sentence
    return sentence


def nifti(
    path: Path, values: npt.ArrayLike = RAMP, affine: npt.ArrayLike | None = None, **fields: Any
) -> Path:
    """Save values of axes (i, j, k), as stored, with an identity affine unless one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = np.eye(4) if affine is None else np.asarray(affine, dtype=np.float64)
    image = nibabel.Nifti1Image(np.asarray(values), matrix)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def unplaced(path: Path, values: npt.ArrayLike = RAMP, **fields: Any) -> Path:
    """Save values without any affine."""
    image = nibabel.Nifti1Image(np.asarray(values), None)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path
