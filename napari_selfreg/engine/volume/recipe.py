"""Recipes for networks that segment volumes.

``spatial_dims = 3`` in the table ``[network]`` makes a TOML file one of these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.recipe import (
    MAX_SEED,
    AboutSection,
    Recipe,
    Section,
    read_table,
    validated,
)

Millimetres = Annotated[float, Field(gt=0.01, lt=50)]
Side = Annotated[int, Field(ge=8, le=512)]
Probability = Annotated[float, Field(ge=0, le=1)]


class VolumeNetworkSection(Section):
    """Which network, built by the registry for one grey channel."""

    architecture: str = "dynunet"
    spatial_dims: Literal[3]
    arguments: dict[str, Any] = Field(default_factory=dict)


class VolumeDataSection(Section):
    """What is read, at which voxel size the network sees it, and which cases teach."""

    spacing_mm: tuple[Millimetres, Millimetres, Millimetres] = Field(
        description="voxel size of the network's input along z, y and x"
    )
    classes: list[str] = Field(min_length=1, max_length=254)
    held_out_fraction: float = Field(
        0.15, gt=0, lt=0.9, description="cases that are only scored, when all is decided"
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=0.9, description="of the other cases: these choose the best weights"
    )
    split_seed: int = Field(0, ge=0, le=MAX_SEED)


class VolumeAugmentSection(Section):
    """Random changes of every patch; 0 switches one off."""

    flip: tuple[Probability, Probability, Probability] = Field(
        (0.0, 0.0, 0.5), description="of mirroring z, y and x; not along an axis that tells classes"
    )
    rotation: float = Field(15.0, ge=0, le=180, description="degrees about each axis")
    scale: float = Field(0.15, ge=0, lt=0.9, description="zoom between 1 - s and 1 + s")
    gain: float = Field(0.15, ge=0, lt=1)
    offset: float = Field(0.15, ge=0, lt=2, description="in standard deviations of the volume")
    gamma: float = Field(0.3, ge=0, lt=1)
    blur_probability: float = Field(0.1, ge=0, le=1)
    noise_probability: float = Field(0.15, ge=0, le=1)


class VolumeTrainSection(Section):
    """The optimiser, its schedule and its patches."""

    steps: int = Field(1500, ge=1)
    batch: int = Field(2, ge=1)
    patch: tuple[Side, Side, Side] = Field(description="voxels along z, y and x")
    foreground: float = Field(
        0.5, ge=0, le=1, description="share of patches whose centre lies on a class"
    )
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    weight_average: float = Field(0.99, ge=0, lt=1, description="decay of the averaged weights")
    validate_every: int = Field(100, ge=1)
    patience: int = Field(10, ge=1, description="validations without a better score")
    checkpoint_minutes: float = Field(3.0, gt=0)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class VolumeRecipe(Section):
    """A whole training run on volumes, without a single path."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    network: VolumeNetworkSection
    data: VolumeDataSection
    augment: VolumeAugmentSection = VolumeAugmentSection()
    train: VolumeTrainSection
    regularization: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of each regularizer by its name"
    )
    card: AboutSection

    @field_validator("regularization")
    @classmethod
    def _known(cls, terms: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from napari_selfreg.nets.regularization import NAMES, check_terms

        unknown = sorted(set(terms) - set(NAMES))
        if unknown:
            raise ValueError(f"there is no regularizer {unknown[0]!r}: use {', '.join(NAMES)}")
        try:
            check_terms(terms)
        except BadInputError as error:
            raise ValueError(str(error)) from error
        return terms

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size of the network's input in millimetres, (z, y, x)."""
        return self.data.spacing_mm

    def summary(self) -> str:
        """Name the regularizers in one line."""
        return " + ".join(self.regularization) or "none"


def load_any_recipe(path: str | Path) -> Recipe | VolumeRecipe:
    """Read and validate a recipe for pictures or for volumes.

    Parameters
    ----------
    path : str or Path
        A TOML file; ``spatial_dims = 3`` in its table ``[network]`` makes it one for volumes.

    Returns
    -------
    Recipe or VolumeRecipe

    Raises
    ------
    BadInputError
        If the file is missing, is no TOML, or a key is missing, misspelt or out of range.
    """
    table, name = read_table(path), Path(path).name
    network = table.get("network")
    if isinstance(network, dict) and "spatial_dims" in network:
        if network["spatial_dims"] != 2:
            return validated(VolumeRecipe, table, name)
        table["network"] = {k: v for k, v in network.items() if k != "spatial_dims"}
    return validated(Recipe, table, name)
