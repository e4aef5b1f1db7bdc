"""Puts one field at a time on the viewer, with everything a person has made on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from napari.layers import Image

from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.guards import collection_spared, selection_kept
from napari_selfreg.widgets.image_layers import LayerDataTuple, set_pixel_size
from napari_selfreg.widgets.layers import EXTRA, ORIGIN_KEY, OWN_KEY, is_picture, pixel_size_of
from napari_selfreg.widgets.result_info import RESULT_KEY, result_info
from napari_selfreg.widgets.volume.result_info import VOLUME_RESULT_KEY, volume_result_info

_KEPT_IMAGES = 3


class FieldStage:
    """Shows fields; keeps the last images, so that going back is quick.

    Parameters
    ----------
    viewer : napari.Viewer
        Other images in it are left alone.

    Attributes
    ----------
    field : Field or None
        The field that is shown.
    working : bool
        Whether layers come and go because of the stage, not of a person.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._image: Any = None
        self._images: dict[Field, Any] = {}
        self.field: Field | None = None
        self.working = False
        self._fitted: tuple[Any, ...] = ()

    @property
    def image(self) -> Any:
        """The image layer of the shown field, None if there is none."""
        return self._image if self._image in self._viewer.layers else None

    def has(self, field: Field) -> bool:
        """Tell whether a field can be shown without opening its file."""
        return field in self._images

    def adopt(self, field: Field, image: Any) -> None:
        """Take an image layer that is in the viewer already for the one of a field."""
        if image == self._image:  # not `is`: plugins see layers through proxies
            return
        self.clear(kept=image)
        self._take(field, image)

    def show(self, field: Field, opened: LayerDataTuple | None = None) -> Any:
        """Show a field instead of the one before.

        Parameters
        ----------
        field : Field
            Its layers come back with it.
        opened : LayerDataTuple, optional
            Its image; not needed while `has` says so.

        Returns
        -------
        napari.layers.Image
        """
        image = self._images[field] if opened is None else Image(opened[0], **opened[1])
        self.clear()
        with self._at_work():
            self._viewer.add_layer(image)
            _lie_as_before(field, image)
            for layer in field.layers:
                _belong_to(layer, image)
                self._viewer.add_layer(layer)
        self._take(field, image)
        self._viewer.layers.selection.active = field.layers[-1] if field.layers else image
        field.layers = []
        self.fit()
        return image

    def fit(self) -> None:
        """Show all of the field."""
        self._viewer.reset_view()
        self._fitted = self._camera()

    def fit_again(self) -> None:
        """Show all of the field in a window that has changed, unless a person has moved it."""
        if self.image is not None and self._camera() == self._fitted:
            self.fit()

    def _camera(self) -> tuple[Any, ...]:
        camera = self._viewer.scene.camera
        return tuple(camera.center), camera.zoom

    def clear(self, kept: Any = None) -> None:
        """Take the shown field off the viewer; what lies on it waits in its `Field`.

        Parameters
        ----------
        kept : napari.layers.Layer, optional
            A layer that is none of the field's.
        """
        field, self.field = self.field, None
        image, self._image = self._image, None
        if field is None:
            return
        leaving = [layer for layer in self._viewer.layers if _leaves(layer) and layer != kept]
        with self._at_work(), selection_kept(self._viewer), collection_spared():
            for layer in (*leaving, image):
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
        # Previews and guides are made anew; only what a person would miss is kept.
        field.layers = [layer for layer in leaving if _is_missed(layer)]
        size = pixel_size_of(image) if is_picture(image) else None
        origin = "" if image is None else image.metadata.get(ORIGIN_KEY, "")
        field.left_at = None if size is None else (size, str(origin))

    def lose(self) -> None:
        """Take note that a person has removed the image of the shown field."""
        if self.field is not None:
            self._images.pop(self.field, None)
        self.field, self._image = None, None

    def forget(self, field: Field) -> None:
        """Drop what is kept of a field."""
        if field is self.field:
            self.clear()
        self._images.pop(field, None)
        field.layers = []

    def _take(self, field: Field, image: Any) -> None:
        self.field, self._image = field, image
        self._images.pop(field, None)
        self._images[field] = image
        while len(self._images) > _KEPT_IMAGES:
            self._images.pop(next(iter(self._images)))

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self.working = True
        try:
            yield
        finally:
            self.working = False


def _leaves(layer: Any) -> bool:
    """Tell whether a layer was made on the shown field: all but images that are not ours."""
    return not isinstance(layer, Image) or OWN_KEY in layer.metadata


def _is_missed(layer: Any) -> bool:
    """Tell whether a layer is a person's, or one that she has asked for."""
    return layer.metadata.get(OWN_KEY, EXTRA) == EXTRA


def _lie_as_before(field: Field, image: Any) -> None:
    """Give an image that may have been opened anew the size that what lay on it has."""
    if field.left_at is None or not is_picture(image) or pixel_size_of(image) == field.left_at[0]:
        return
    set_pixel_size(image, *field.left_at)
    if not field.left_at[1]:
        image.metadata.pop(ORIGIN_KEY)


def _belong_to(layer: Any, image: Any) -> None:
    """Tell a result on which layer it lies: its image may have been opened anew."""
    info, classes = result_info(layer), volume_result_info(layer)
    if info is not None and info.image_layer_id != image.unique_id:
        layer.metadata[RESULT_KEY] = replace(info, image_layer_id=image.unique_id)
    if classes is not None and classes.image_layer_id != image.unique_id:
        layer.metadata[VOLUME_RESULT_KEY] = replace(classes, image_layer_id=image.unique_id)
