"""Recipes: everything about a training run except where its files lie.

A recipe is a TOML file. It is validated whole before the first image is read, and stored in the
card of the bundle it makes.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_selfreg.core.errors import BadInputError

MAX_SEED = 2**63 - 1


class Section(BaseModel):
    """Frozen, and strict about misspelt keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnySection = TypeVar("AnySection", bound=Section)


class NetworkSection(Section):
    """Which network, built by the registry."""

    architecture: str = "basic_unet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    # A name, never a path: the recipe becomes part of the card.
    start_from: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="model whose weights are the start: bundled, or beside the output",
    )


class DataSection(Section):
    """What is read, and at which scale the network sees it."""

    um_per_px: float = Field(gt=0.02, lt=20, description="pixel size of the network's input")
    source_um_per_px: float | None = Field(
        None, gt=0.02, lt=20, description="pixel size of all images, whatever their files state"
    )
    working_um_per_px: float | None = Field(
        None, gt=0.02, lt=20, description="what the finished model sees, if not what it learned at"
    )
    classes: list[str] = Field(min_length=1, max_length=254)
    # Names, never paths: the recipe becomes part of the card.
    background: list[str] = Field(
        default_factory=list, description="sample pictures without any of the classes"
    )
    background_share: float = Field(0.125, gt=0, lt=1, description="of the crops of a step")
    validation_fraction: float = Field(0.15, gt=0, lt=0.9)
    split_seed: int = Field(0, ge=0, le=MAX_SEED)


class TargetSection(Section):
    """What the network learns besides the classes."""

    contour_um: float | None = Field(None, gt=0, description="width of the inner contour band")
    loose_groups: list[str] = Field(
        default_factory=list, description="groups whose outlines are coarse: no contour from them"
    )


class AugmentSection(Section):
    """Random changes of every crop; 0 switches one off."""

    scale: float = Field(0.25, ge=0, lt=1, description="zoom between 1 / (1 + s) and 1 + s")
    rotation: float = Field(180.0, ge=0, le=180, description="degrees, either way")
    stain_gain: float = Field(0.25, ge=0, lt=1)
    stain_offset: float = Field(0.03, ge=0, lt=0.5)
    gamma: float = Field(0.2, ge=0, lt=1)
    blur_probability: float = Field(0.15, ge=0, le=1)
    noise_probability: float = Field(0.15, ge=0, le=1)


class TrainSection(Section):
    """The optimiser and its schedule."""

    steps: int = Field(1500, ge=1)
    batch: int = Field(8, ge=1)
    crop: int = Field(256, ge=32)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    weight_average: float = Field(0.99, ge=0, lt=1, description="decay of the averaged weights")
    validate_every: int = Field(100, ge=1)
    patience: int = Field(10, ge=1, description="validations without a better score")
    checkpoint_minutes: float = Field(3.0, gt=0)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    precision: Literal["auto", "fp32", "bf16"] = "auto"


class RegularizationSection(Section):
    """SCR and IFD (SelfReg-UNet), and the term of our own."""

    lambda_scr: float = Field(0.015, ge=0)
    lambda_ifd: float = Field(0.015, ge=0)
    lambda_decorrelation: float = Field(0.0, ge=0)
    pairing: Literal["random", "first", "mean"] = "random"
    normalize: bool = False
    detach_top: bool = False
    sort: bool = True

    @property
    def active(self) -> bool:
        """Whether any of the terms has a weight."""
        return max(self.lambda_scr, self.lambda_ifd, self.lambda_decorrelation) > 0


class SelectionSection(Section):
    """Choice of λ (both terms) on the validation patients, with a shorter schedule."""

    lambdas: list[float] = Field(default_factory=list)
    steps: int = Field(200, ge=1)

    @model_validator(mode="after")
    def _needs_plain(self) -> SelectionSection:
        if self.lambdas and (min(self.lambdas) != 0 or max(self.lambdas) <= 0):
            raise ValueError(
                "selection.lambdas must hold 0 and at least one positive value, no negative one"
            )
        return self


class AboutSection(Section):
    """What a person reads about any model."""

    title: str
    tissue: str
    description: str
    bad_at: str
    licence: str
    terms: str
    research_only: bool
    data_name: str
    data_licence: str
    citation: str


class CardSection(AboutSection):
    """What a person reads about a model for pictures."""

    typical_area_um2: float = Field(gt=0)


class PostProcessingSection(Section):
    """Defaults of the sliders (see `core.types.PostProcessing`)."""

    threshold: float = Field(0.5, gt=0, lt=1)
    min_area_um2: float = Field(0.0, ge=0)
    max_hole_um2: float = Field(0.0, ge=0)
    separation: float = Field(0.5, ge=0, le=1)


class Recipe(Section):
    """A whole training run, without a single path."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    network: NetworkSection = NetworkSection()
    data: DataSection
    target: TargetSection = TargetSection()
    augment: AugmentSection = AugmentSection()
    train: TrainSection = TrainSection()
    regularization: RegularizationSection = RegularizationSection()
    selection: SelectionSection = SelectionSection()
    plain_twin: bool = Field(True, description="train the same run with λ = 0 for comparison")
    refit: bool = Field(False, description="train again on all patients once the run is scored")
    refit_steps: int | None = Field(None, ge=1, description="steps of that; train.steps by default")
    postprocessing: PostProcessingSection = PostProcessingSection()
    card: CardSection

    @model_validator(mode="after")
    def _room_for_background(self) -> Recipe:
        if self.data.background and self.train.batch < 2:
            raise ValueError("train.batch must be 2 or more where data.background is given")
        return self

    @model_validator(mode="after")
    def _refit_for_its_steps(self) -> Recipe:
        if self.refit_steps is not None and not self.refit:
            raise ValueError("refit_steps needs refit = true")
        return self


def load_recipe(path: str | Path) -> Recipe:
    """Read and validate a recipe.

    Parameters
    ----------
    path : str or Path
        A TOML file.

    Returns
    -------
    Recipe

    Raises
    ------
    BadInputError
        If the file is missing, is no TOML, or a key is missing, misspelt or out of range.
    """
    return validated(Recipe, read_table(path), Path(path).name)


def read_table(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    BadInputError
        If it is missing or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"The recipe {path} is not valid TOML: {error}.") from error


def validated(kind: type[AnySection], table: dict[str, Any], name: str) -> AnySection:
    """Return a table as a recipe of a kind.

    Parameters
    ----------
    kind : type
    table : dict
    name : str
        Of the file, for the sentence.

    Returns
    -------
    AnySection

    Raises
    ------
    BadInputError
        If a key is missing, misspelt or out of range.
    """
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise BadInputError(
            f"The recipe {name} cannot be used: {where}: {first['msg']}."
        ) from error
