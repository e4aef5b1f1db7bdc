"""What a person named to be segmented, without what would be lost or made twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.images import image_paths
from napari_selfreg.io.outputs import check_distinct_stems, output_paths
from napari_selfreg.io.own_files import is_own
from napari_selfreg.io.volume.names import volume_stem
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.io.volume.paths import check_distinct_volumes, volume_paths


def images_to_segment(
    named: Sequence[Path], output: Path, *, compressed: bool = False
) -> tuple[list[Path], list[Path]]:
    """List the images of files and folders.

    Parameters
    ----------
    named : sequence of Path
        As a person, or the ``*`` of a shell, gave them.
    output : Path
        Folder for the results.
    compressed : bool
        Whether outlines will be.

    Returns
    -------
    images, left_out : list of Path
        What to segment, and earlier results of these images, which were named, too.

    Raises
    ------
    BadInputError
        If there is none, or results would replace each other or one of the images.
    """
    found = image_paths(named)
    left_out = list(_results_of(found))
    images = [path for path in found if path not in left_out]
    check_distinct_stems(images)
    results = [output_paths(output, path.stem, compressed=compressed) for path in images]
    require_apart([file for files in results for file in files.values()], images)
    return images, left_out


def volumes_to_segment(named: Sequence[Path], output: Path) -> list[Path]:
    """List the volumes of files and folders.

    Parameters
    ----------
    named : sequence of Path
        As a person gave them.
    output : Path
        Folder for the results.

    Returns
    -------
    list of Path

    Raises
    ------
    BadInputError
        If there is none, or results would replace each other or one of the volumes.
    """
    found = volume_paths(named)
    check_distinct_volumes(found)
    results = [volume_output_paths(output, volume_stem(path)) for path in found]
    require_apart([file for files in results for file in files.values()], found)
    return found


def _results_of(images: Sequence[Path]) -> Iterator[Path]:
    """Yield files that we have written for another of these images."""
    stems = {path.stem for path in images}
    for path in images:
        image = path.name.rpartition("_")[0]  # all of ours end in one more word
        if image in stems and is_own(path):
            yield path
