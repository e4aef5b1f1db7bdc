"""Folders of images, labels and regions as fields to fine-tune on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.reviewed import review_mask
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.finetune_types import FinetuneField
from napari_selfreg.engine.object_classes import by_class
from napari_selfreg.io.images import ImageSource, open_image
from napari_selfreg.io.label_files import read_labels
from napari_selfreg.io.pairs import CORRECTED, Pair, find_pairs
from napari_selfreg.io.pixel_size import Um
from napari_selfreg.io.project.regions import read_regions
from napari_selfreg.io.saved_results import read_saved


def corrected_fields(
    images: str | Path,
    labels: str | Path,
    regions: str | Path | None = None,
    *,
    um_per_px: Um | None = None,
    fallback: PixelSize | None = None,
    classes: Sequence[str] = (),
) -> Generator[Event, None, tuple[FinetuneField, ...]]:
    """Read what a person corrected.

    Parameters
    ----------
    images, labels : str or Path
        Folders, which may be the same; paired by stem, see `io.pairs`.
    regions : str or Path, optional
        Folder of ``<stem>.geojson`` in image pixels: only inside these areas labels are truth, and
        images without a file are left out. Without it all of every image is truth.
    um_per_px : float or (float, float), optional
        Pixel size of all images in µm; wins over what the files state.
    fallback : PixelSize, optional
        Of images that state none, or an absurd one; where it is not given either, the model's
        counts, which is said once.
    classes : sequence of str
        Of the model: with several, the objects that ``export`` has written need one of them.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    tuple of FinetuneField

    Raises
    ------
    BadInputError
        If files do not pair or cannot be read, or no region lies in any image.
    """
    pairing = find_pairs(images, labels, CORRECTED)
    if pairing.unlabelled:
        yield Notice(f"{len(pairing.unlabelled)} images have no label file and are left out.")
    outlines = _region_files(regions, [pair.stem for pair in pairing.pairs])
    fields: list[FinetuneField] = []
    told: set[str] = set()
    guessed = False
    for number, pair in enumerate(pairing.pairs):
        yield Progress(number, len(pairing.pairs), "Reading images")
        if outlines is not None and pair.stem not in outlines:
            continue
        field, warnings, assumed = _read(pair, um_per_px, fallback)
        if outlines is not None:
            field = _within(field, outlines[pair.stem])
        if CORRECTED.is_result(pair.label):
            field = by_class(field, _named(pair, classes), classes)
        for sentence in warnings:
            if sentence not in told:
                yield Notice(sentence)
            told.add(sentence)
        if assumed and not guessed:
            guessed = True
            yield Notice(f"{assumed} This holds for every image without one.")
        fields.append(field)
    reviewed = tuple(field for field in fields if field.reviewed is None or field.reviewed.any())
    if not reviewed:
        raise BadInputError("No region lies inside an image: check the folder of the regions.")
    if len(reviewed) < len(pairing.pairs):
        yield Notice(f"{len(pairing.pairs) - len(reviewed)} images have no region, and teach none.")
    return reviewed


def _region_files(folder: str | Path | None, stems: list[str]) -> dict[str, Path] | None:
    if folder is None:
        return None
    place = Path(folder)
    if not place.is_dir():
        raise BadInputError(f"There is no folder {place} of regions: check the path.")
    found = {stem: place / f"{stem}.geojson" for stem in stems}
    found = {stem: path for stem, path in found.items() if path.is_file()}
    if not found:
        raise BadInputError(
            f"{place.name} holds no regions of these images: name them like their image, such as "
            f"{stems[0]}.geojson."
        )
    return found


def _read(
    pair: Pair, um_per_px: Um | None, fallback: PixelSize | None
) -> tuple[FinetuneField, tuple[str, ...], str]:
    """Return a field, what is odd about its file, and what is assumed of its pixel size."""
    with open_image(pair.image) as source:
        size, assumed = _size_of(source, um_per_px, fallback)
        picture, labels = source.read(), read_labels(pair.label, source.shape)
    field = FinetuneField(picture, labels, pixel_size=size, name=pair.stem)
    return field, source.warnings, assumed


def _size_of(
    source: ImageSource, um_per_px: Um | None, fallback: PixelSize | None
) -> tuple[PixelSize | None, str]:
    """Return a pixel size, None for the model's, and a sentence if nobody has stated it."""
    if um_per_px is not None or fallback is not None:
        choice = source.choose_pixel_size(um_per_px, fallback or PixelSize.isotropic(1.0))
        return choice.pixel_size, choice.warning or ""
    if source.pixel_size is not None:
        return source.pixel_size, ""
    return None, (
        f"{source.name} states no pixel size that a microscope has: the model's is assumed, so "
        "sizes may be wrong; give the true value as um_per_px."
    )


def _named(pair: Pair, classes: Sequence[str]) -> dict[int, str]:
    """Return the class of each object that ``export`` has written; empty if nobody asks."""
    if len(classes) < 2:
        return {}
    try:
        table = read_saved(Path(f"{pair.stem}.tif"), pair.label.parent).table
    except BadInputError as error:
        raise BadInputError(
            f"{pair.label.name} holds objects, not classes: keep {pair.stem}_measurements.csv "
            "beside it."
        ) from error
    return dict(zip(table["index"].tolist(), table["class"].tolist(), strict=True))


def _within(field: FinetuneField, outlines: Path) -> FinetuneField:
    rings = [(region.points, *region.holes) for region in read_regions(outlines)]
    shape = field.labels.shape[0], field.labels.shape[1]
    return FinetuneField(
        field.picture, field.labels, review_mask(shape, rings), field.pixel_size, field.name
    )
