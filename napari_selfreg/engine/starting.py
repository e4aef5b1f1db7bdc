"""The network a recipe begins with: fresh, or with the weights of another model."""

from __future__ import annotations

import math
from pathlib import Path

from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.networks import fresh_network
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.io.bundle import SUFFIX
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.models import bundled_models, find_model
from napari_selfreg.nets.registry import tap_spec
from napari_selfreg.nets.tapspec import TapSpec

_BYTES = 5
"""Of a pixel or voxel of a batch, at least: its colours and what it is to become."""


def check_crop(recipe: Recipe) -> None:
    """Refuse crops that the recipe's network cannot take.

    Raises
    ------
    BadInputError
        Naming the sizes that fit.
    BadModelError
        If there is no such architecture.
    """
    section, crop = recipe.network, recipe.train.crop
    check_room(recipe.train.batch, (crop, crop), "train.crop")
    check_patch(
        tap_spec(section.architecture, **section.arguments), (crop, crop), f"train.crop is {crop}"
    )


def check_room(batch: int, patch: tuple[int, ...], setting: str) -> None:
    """Refuse steps whose input alone does not fit into memory: drawing it would not end.

    Parameters
    ----------
    batch : int
        Parts of images in a step.
    patch : tuple of int
        Their sides.
    setting : str
        What sets them in a recipe, for the message.

    Raises
    ------
    BadInputError
    """
    needed = batch * math.prod(patch) * _BYTES
    require_memory(needed, "A step of the training", f"lower train.batch or {setting}.")


def check_patch(spec: TapSpec, patch: tuple[int, ...], stated: str) -> None:
    """Refuse parts of an image that a recipe's network cannot take.

    Parameters
    ----------
    spec : TapSpec
        Of the network.
    patch : tuple of int
        Their sides.
    stated : str
        What the recipe says of them, for the message.

    Raises
    ------
    BadInputError
        Naming the sizes that fit.
    """
    if spec.fixed_size is not None and spec.fixed_size != patch:
        sizes = " x ".join(map(str, spec.fixed_size))
        unit = "pixels" if len(patch) == 2 else "voxels"
        raise BadInputError(
            f"The recipe cannot be used: its network takes {sizes} {unit} only, {stated}."
        )
    if any(side % spec.size_multiple or side < spec.min_size for side in patch):
        raise BadInputError(
            f"The recipe cannot be used: {stated}, its network needs multiples of "
            f"{spec.size_multiple} from {spec.min_size} on."
        )


def new_network(recipe: Recipe, beside: Path | None = None) -> tuple[nn.Module, TapSpec]:
    """Build the recipe's network with weights that depend on its seed and its start alone.

    Parameters
    ----------
    recipe : Recipe
    beside : Path, optional
        Folder in which a model to start from is looked for if none of that name is bundled.

    Returns
    -------
    network : nn.Module
    tapspec : TapSpec

    Raises
    ------
    BadInputError, BadModelError
        If the architecture or the model to start from cannot be used.
    """
    section = recipe.network
    out_channels = 1 + len(recipe.data.classes) + (recipe.target.contour_um is not None)
    network = fresh_network(
        section.architecture,
        section.arguments,
        seed=recipe.train.seed,
        in_channels=3,
        out_channels=out_channels,
    )
    if section.start_from is not None:
        _start_from(network, section.start_from, beside)
    return network, tap_spec(section.architecture, **section.arguments)


def _start_from(network: nn.Module, name: str, beside: Path | None) -> None:
    """Copy the weights of another model; a head of other classes stays fresh."""
    own = network.state_dict()
    other = load_model(_found(name, beside)).network.state_dict()
    fitting = {k: v for k, v in other.items() if k in own and own[k].shape == v.shape}
    if len(fitting) < 0.9 * len(own):  # a fresh head is a tensor or two of dozens
        raise BadInputError(
            f"The recipe starts from {name!r}, whose network is another: use its architecture."
        )
    network.load_state_dict(fitting, strict=False)


def check_start(recipe: Recipe, beside: Path | None = None) -> Path | None:
    """Find the model a recipe starts from, before its images are read.

    Parameters
    ----------
    recipe : Recipe
    beside : Path, optional
        As for `new_network`.

    Returns
    -------
    Path or None
        None where it starts afresh.

    Raises
    ------
    BadInputError
        If the model to start from is neither bundled nor beside the output.
    """
    name = recipe.network.start_from
    return None if name is None else find_model(_found(name, beside))


def _found(name: str, beside: Path | None) -> str | Path:
    """Return a bundled model's name, or the file of that name in a folder."""
    if name in bundled_models():
        return name
    path = None if beside is None else beside / f"{name}{SUFFIX}"
    if path is None or not path.is_file():
        raise BadInputError(
            f"The recipe starts from {name!r}, which is neither bundled nor lies beside the "
            "output: train it into the same folder first, from the recipe of that name."
        )
    return path
