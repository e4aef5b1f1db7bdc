"""Which volumes are meant by files and folders."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.paths import check_distinct_volumes, volume_paths
from tests.io.volume.files import nifti


def test_folders_are_listed_in_order_without_labels_and_pictures(tmp_path):
    for name in ("b_10.nii.gz", "b_2.nii", "b_2_labels.nii.gz", ".hidden.nii"):
        nifti(tmp_path / name)
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 20, 20), np.uint16))
    tifffile.imwrite(tmp_path / "field.tif", np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "notes.txt").touch()
    names = [path.name for path in volume_paths([tmp_path])]
    assert names == ["b_2.nii", "b_10.nii.gz", "stack.tif"]


def test_capitals_do_not_count_in_the_names_of_labels(tmp_path):
    for name in ("A.nii.gz", "a_LABELS.NII.GZ"):
        nifti(tmp_path / name)
    assert [path.name for path in volume_paths([tmp_path])] == ["A.nii.gz"]


def test_files_are_taken_as_they_are_named_each_once(tmp_path):
    first = nifti(tmp_path / "a_labels.nii.gz")
    assert volume_paths([first, first]) == [first]


def test_what_holds_no_volume_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="holds no volume"):
        volume_paths([tmp_path])
    with pytest.raises(BadInputError, match="does not exist"):
        volume_paths([tmp_path / "a.nii"])


def test_two_volumes_of_one_stem_are_refused(tmp_path):
    check_distinct_volumes(["x/a.nii.gz", "x/b.nii.gz"])
    with pytest.raises(BadInputError, match="same files"):
        check_distinct_volumes(["x/a.nii.gz", "y/A.nii"])
