"""A layer of our own that shows objects of the view while a slider moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_selfreg.widgets.guards import collection_spared, selection_kept
from napari_selfreg.widgets.layers import OWN_KEY, Picture
from napari_selfreg.widgets.placement import expand, placement
from napari_selfreg.widgets.result_info import ResultInfo

if TYPE_CHECKING:
    from napari_selfreg.core.relabel import Draft


class DraftLayer:
    """Stands in for a result until the whole of it is made anew; the result itself stays as it is.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._place: tuple[Any, ...] = ()
        self._hidden: Any = None

    @property
    def layer(self) -> Any:
        """The layer on show, or None."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(
        self, draft: Draft, result: Any, info: ResultInfo, image: Any, picture: Picture
    ) -> None:
        """Show a draft over its image instead of a result layer.

        Parameters
        ----------
        draft : Draft
            Objects of the view.
        result : napari.layers.Labels
            Hidden meanwhile; the draft looks like it.
        info : ResultInfo
            Of the result.
        image : napari.layers.Image
            The image.
        picture : Picture
            Its plane and resolution.
        """
        place = (result.unique_id, draft.box, draft.step)
        if self.layer is not None and place == self._place:
            self._layer.data = expand(draft.labels, picture)
            return
        self.remove()
        origin = (info.box.y0 + draft.box.y0, info.box.x0 + draft.box.x0)
        layer = Labels(
            expand(draft.labels, picture),
            name=f"{result.name} (changing)",
            opacity=result.opacity,
            colormap=result.colormap,
            blending=result.blending,
            metadata={OWN_KEY: "draft"},
            **placement(image, picture, origin, draft.step),
        )
        if result.contour:
            layer.contour = max(1, round(result.contour / draft.step))
        with selection_kept(self._viewer):
            self._viewer.add_layer(layer)
        self._layer = layer
        self._place = place
        if result.visible:
            self._hidden, result.visible = result, False

    def remove(self) -> None:
        """Take the draft away and show the result again."""
        layer, self._layer = self.layer, None
        if layer is not None:
            with selection_kept(self._viewer), collection_spared():
                self._viewer.layers.remove(layer)
        hidden, self._hidden = self._hidden, None
        if hidden is not None:
            hidden.visible = True
