"""`look_inside`: the panel for any network, from a notebook or a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.card import EXTERNAL, Card, Normalisation
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.volume.inside import require_volume, um_of

if TYPE_CHECKING:
    from torch import nn

    from napari_selfreg.nets.tapspec import TapSpec
    from napari_selfreg.widgets.inside.panel import InsidePanel

TITLE = "Look inside"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, for which most encoders of others are made."""


def look_inside(
    module: nn.Module,
    image: npt.ArrayLike | Any,
    tapspec: TapSpec,
    *,
    name: str | None = None,
    classes: Sequence[str] = ("object",),
    um_per_px: float | None = None,
    mean: Sequence[float] = _MEAN,
    std: Sequence[float] = _STD,
    viewer: Any = None,
) -> InsidePanel:
    """Open the panel *Look inside* for any network; no bundle is needed.

    Parameters
    ----------
    module : torch.nn.Module
        A network that takes ``(N, 3, Y, X)``, or ``(N, 1, Z, Y, X)`` where `tapspec` has three
        dimensions; it is put into evaluation mode and stays as it is.
    image : array-like of uint8, shape (Y, X, 3), or napari.layers.Image
        What it looks at: a picture, or a layer of `viewer`. For a network of three dimensions a
        volume of any real type, shape (Z, Y, X); its intensities are normalised robustly.
    tapspec : TapSpec
        Names its blocks; ``TapSpec.propose(module, shape)`` makes a first draft.
    name : str, optional
        In names of layers; that of the class by default.
    classes : sequence of str
        Foreground classes, in the order of the output channels after the background.
    um_per_px : float, optional
        Micrometres per pixel that the network works at, and of `image` if it is an array: it then
        sees the picture pixel by pixel. 1 by default; of a volume layer the size of its voxels.
    mean, std : sequence of float
        Subtracted from colours divided by 255, and divided by; those of ImageNet by default.
        Volumes are normalised by themselves.
    viewer : napari.Viewer, optional
        A new one by default.

    Returns
    -------
    InsidePanel
        Docked in the viewer. In a script, ``napari.run()`` then shows the window.

    Raises
    ------
    BadInputError
        If the image is no RGB picture (no volume), or a layer without a viewer.

    Examples
    --------
    >>> look_inside(network, picture, TapSpec.propose(network, (1, 3, 256, 256)).tapspec)
    ... # doctest: +SKIP
    """
    import napari

    from napari_selfreg.widgets.inside.panel import InsidePanel

    dims = tapspec.spatial_dims
    layer = _layer_of(viewer, image, dims)
    size = (um_per_px or 1.0,) * dims if um_per_px or layer is None or dims == 2 else um_of(layer)
    source = _source(module, tapspec, name, classes, size, mean, std)
    if viewer is None:
        viewer = napari.Viewer()
    if layer is None:
        place = {"scale": size, "units": ["um"] * dims}
        layer = viewer.add_image(image, name="image", rgb=dims == 2, **place)
    panel = InsidePanel(viewer, sources=[source])
    viewer.window.add_dock_widget(panel, name=TITLE, area="right")
    panel.form.layer_picker.setValue(layer)
    return panel


def _layer_of(viewer: Any, image: Any, dims: int) -> Any:
    """Return the layer if the image is one, None for an array."""
    if dims == 3:
        require_volume(image)
    elif not hasattr(image, "data_to_world"):
        shape: tuple[int, ...] = getattr(image, "shape", ())
        if len(shape) != 3 or shape[-1] != 3 or str(getattr(image, "dtype", "")) != "uint8":
            raise BadInputError(
                "look_inside shows pictures of 8-bit colours: give an array of uint8 with the "
                "shape (rows, columns, 3)."
            )
    if not hasattr(image, "data_to_world"):
        return None
    if viewer is None or OWN_KEY in image.metadata:
        raise BadInputError("Give look_inside the viewer of this layer too: viewer=…")
    return image


def _source(
    module: nn.Module,
    tapspec: TapSpec,
    name: str | None,
    classes: Sequence[str],
    um_per_px: tuple[float, ...],
    mean: Sequence[float],
    std: Sequence[float],
) -> Source:
    """Wrap a network so that the engine takes it like a model of the list."""
    from napari_selfreg.engine.bundles import Model

    title = name or type(module).__name__
    volume = tapspec.spatial_dims == 3
    if volume:  # nothing is left to do once its intensities are normalised
        mean, std = (0.0,), (1.0,)
    card = Card(
        name=re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-._")[:64] or "network",
        title=title,
        architecture=EXTERNAL,
        taps=tapspec.to_dict(),
        spatial_dims=tapspec.spatial_dims,
        in_channels=len(mean),
        classes=tuple(classes),
        um_per_px=um_per_px,
        normalisation=Normalisation(mean=tuple(mean), std=tuple(std)),
        intensity="volume" if volume else "colours",
        licence="not stated",
    )
    model = Model(card, module.eval(), tapspec, Path(f"{card.name}.safetensors"))
    return Source(title, card, model)
