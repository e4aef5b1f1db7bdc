"""The layers of the maps: one per model and block, switched in place, gone with `clear`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_selfreg.widgets.guards import collection_spared, selection_kept
from napari_selfreg.widgets.inside.alignment import expand_map, map_placement
from napari_selfreg.widgets.inside.kinds import Kind, layer_name
from napari_selfreg.widgets.inside.looking import Looked
from napari_selfreg.widgets.inside.painting import Painted
from napari_selfreg.widgets.layers import OWN_KEY, layer_by_id
from napari_selfreg.widgets.volume.inside import volume_map
from napari_selfreg.widgets.volume.layers import VolumeView

OWN_NAME = "inside"
"""Value of `OWN_KEY` of these layers."""

OPACITY = 0.6
_SMALLEST, _LARGEST = 6.0, 9.0
"""Points of names on maps."""

_LETTER = 0.9
"""Pixels of the screen that a letter is wide per point, with a little room around the name."""

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a layer shows.

    Parameters
    ----------
    layer_id : Hashable
        Of the layer of ours.
    colours : bool
        Whether it holds colours, which napari cannot change.
    """

    layer_id: object
    colours: bool


class MapLayers:
    """Puts maps onto their image, right above it and below everything else.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._shown: dict[Key, Shown] = {}
        self.opacity = OPACITY

    @property
    def keys(self) -> tuple[Key, ...]:
        """Model and block of every layer on the canvas, in order."""
        return tuple(key for key in self._shown if self.layer(key) is not None)

    def layer(self, key: Key) -> Any:
        """Return the layer of a model and block, None if it is not there (any more)."""
        shown = self._shown.get(key)
        return None if shown is None else layer_by_id(self._viewer, shown.layer_id)

    def layers(self) -> list[Any]:
        """Return all layers of ours, in the order of the list."""
        ours = {shown.layer_id for shown in self._shown.values()}
        return [layer for layer in self._viewer.layers if layer.unique_id in ours]

    def show(
        self,
        looked: Looked,
        kind: Kind,
        maps: Sequence[Painted],
        channels: tuple[int, ...] = (),
    ) -> None:
        """Show these maps and no others; layers that are there are changed in place.

        Parameters
        ----------
        looked : Looked
        kind : Kind
        maps : sequence of Painted
            In the order of the forward pass.
        channels : tuple of int
            For the names.
        """
        image = layer_by_id(self._viewer, looked.request.layer_id)
        if image is None or not looked.request.picture.fits(image):
            self.clear()
            return
        wanted = {(each.side, each.block): each for each in maps}
        with selection_kept(self._viewer):
            self._remove([key for key in self._shown if key not in wanted])
            for key, painted in wanted.items():
                models = looked.request.names
                model, several = models[painted.side], len(models) > 1
                name = layer_name(painted.block, kind, model, channels, several)
                self._put(key, self._arguments(image, looked, painted, kind, name))
            self._sort(image, list(wanted))

    def set_opacity(self, opacity: float) -> None:
        """Let the tissue shine through more or less."""
        self.opacity = opacity
        for layer in self.layers():
            layer.opacity = opacity

    def set_named(self, named: bool, width: float = np.inf) -> None:
        """Write its name onto each map, or not; as large as a width (in pixels) lets it be."""
        ours = self.layers()
        longest = max((len(layer.name) for layer in ours), default=1)
        points = float(np.clip(width / (longest * _LETTER), _SMALLEST, _LARGEST))
        for layer in ours:
            layer.name_overlay.font_size = points
            if layer.name_overlay.visible != named:
                layer.name_overlay.visible = named

    def clear(self) -> None:
        """Take all layers of ours away, and nothing else."""
        with selection_kept(self._viewer):
            self._remove(list(self._shown))

    def _arguments(
        self, image: Any, looked: Looked, painted: Painted, kind: Kind, name: str
    ) -> dict[str, Any]:
        maps = looked.insides[painted.side].blocks[painted.block]
        picture = looked.request.picture
        colours = painted.plane.dtype == np.uint8
        look = (
            {}
            if colours
            else {"colormap": kind.colormap or "gray", "contrast_limits": painted.limits}
        )
        plane = painted.plane if colours else np.asarray(painted.plane, np.float32)
        if isinstance(picture, VolumeView):
            placed = volume_map(image, picture, plane, maps)
        else:
            placed = map_placement(image, picture, maps.scale, maps.translate)
            placed["data"] = expand_map(plane, picture)
        return {"name": name, "rgb": colours, **look, **placed}

    def _put(self, key: Key, arguments: dict[str, Any]) -> None:
        """Change the layer of a key, or make it."""
        layer, shown = self.layer(key), self._shown.get(key)
        if layer is not None and shown is not None and shown.colours == arguments["rgb"]:
            _change(layer, arguments)
            return
        self._remove([key])
        added = self._viewer.add_image(
            **arguments,
            opacity=self.opacity,
            blending="translucent_no_depth",
            metadata={OWN_KEY: OWN_NAME},
        )
        self._shown[key] = Shown(added.unique_id, arguments["rgb"])

    def _sort(self, image: Any, keys: Sequence[Key]) -> None:
        """Keep ours right above the image, below outlines and shapes, in the order of blocks."""
        layers = self._viewer.layers
        self._shown = {key: self._shown[key] for key in keys}
        wanted = [self.layer(key) for key in keys]
        first = layers.index(image) + 1
        if [layers.index(layer) for layer in wanted] == list(range(first, first + len(keys))):
            return
        for layer in reversed(wanted):
            layers.move(layers.index(layer), layers.index(image) + 1)

    def _remove(self, keys: Sequence[Key]) -> None:
        for key in keys:
            layer = self.layer(key)
            self._shown.pop(key, None)
            if layer is not None:
                with collection_spared():
                    self._viewer.layers.remove(layer)


def _change(layer: Any, arguments: dict[str, Any]) -> None:
    """Give a layer other data and another place at once."""
    data = arguments["data"]
    layer.data = data
    for name in ("scale", "translate", "rotate", "shear", "affine", "units", "name"):
        setattr(layer, name, arguments[name])
    if not arguments["rgb"]:
        if str(layer.colormap.name) != arguments["colormap"]:
            layer.colormap = arguments["colormap"]
        low, high = arguments["contrast_limits"]
        layer.contrast_limits_range = (low, high)
        layer.contrast_limits = (low, high)
