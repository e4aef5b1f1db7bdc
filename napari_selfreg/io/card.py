"""The card of a bundle: what a trained model is, from what it learned and how good it is.

A card is JSON, validated before anything else of the file is touched. It names no path, user or
file of anyone and holds no markup, so that it can be shown and handed on as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.pixel_size import LARGEST_UM, SMALLEST_UM, plausible
from napari_selfreg.io.plain_json import check_plain, loads_strict

MAX_CARD_BYTES = 256 * 1024
EXTERNAL = "external"
"""Architecture of a network this package cannot build: `load_model` then needs `network=`."""

Sentence = Annotated[str, Field(max_length=2000)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Score = Annotated[float, Field(ge=-1e9, le=1e9)]
MicronsPerPixel = Annotated[float, Field(ge=0.01, le=10_000)]
JsonObject = dict[str, JsonValue]


def _known_settings(value: Any) -> Any:
    """Refuse unknown keys: pydantic would silently drop them for a plain dataclass."""
    if isinstance(value, dict):
        unknown = set(value) - set(PostProcessing.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown setting {sorted(map(str, unknown))[0]!r}")
    return value


def _in_range(settings: PostProcessing) -> PostProcessing:
    """Refuse numbers that no slider has."""
    if not 0 < settings.threshold < 1:
        raise ValueError("postprocessing threshold must lie between 0 and 1")
    if not 0 <= settings.separation <= 1:
        raise ValueError("postprocessing separation must lie between 0 and 1")
    if not (0 <= settings.min_area_um2 <= 1e12 and 0 <= settings.max_hole_um2 <= 1e12):
        raise ValueError("postprocessing areas must not be negative or huge")
    return settings


ObjectSettings = Annotated[
    PostProcessing, BeforeValidator(_known_settings), AfterValidator(_in_range)
]
"""How probabilities become objects, as a card and a project keep it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Normalisation(_Part):
    """Mean and standard deviation per channel, applied to colours divided by 255."""

    mean: tuple[Score, ...]
    std: tuple[Annotated[float, Field(gt=1e-6, le=1e9)], ...]


class DataSource(_Part):
    """A data set the model learned from, with the number of images used."""

    name: ShortText
    licence: ShortText
    citation: Sentence
    images: int = Field(ge=0)


class MetricValue(_Part):
    """Mean over images with its 95 % bootstrap interval."""

    mean: Score
    low: Score
    high: Score


class MetricRecord(_Part):
    """Scores together with the protocol they belong to.

    `lambda_scr`, `lambda_ifd` and `lambda_decorrelation` are those of the network that was scored:
    a plain twin of the shipped one has all at 0.
    """

    protocol: ShortText
    split: ShortText
    n: int = Field(ge=0)
    values: dict[str, MetricValue]
    lambda_scr: float = Field(default=0.0, ge=0)
    lambda_ifd: float = Field(default=0.0, ge=0)
    lambda_decorrelation: float = Field(default=0.0, ge=0)
    note: Sentence = ""

    @model_serializer(mode="wrap")
    def _as_ever(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what most runs do without, and what no card said at first."""
        data: dict[str, Any] = handler(self)
        if data.get("lambda_decorrelation") == 0:
            del data["lambda_decorrelation"]
        return data


class Card(_Part):
    """Everything a person or the engine must know about a model.

    Parameters
    ----------
    schema_version : int
        Of the card; 1.
    name : str
        Short name in lower case, as given to ``--model``.
    title, tissue, description : str
        What a person reads first.
    architecture : str
        Name in the registry of architectures, or ``"external"``.
    architecture_args : dict
        Keyword arguments of the architecture, beside channels and spatial dims.
    taps : dict
        The TapSpec as JSON (filled by `save_bundle`).
    spatial_dims : {2, 3}
        2 for pictures, 3 for volumes.
    in_channels : int
        Channels of an image.
    classes : tuple of str
        Foreground classes in the order of the network's channels; background is not named.
    separation : {"contour", None}
        ``"contour"`` if the last channel is the objects' inner contour.
    um_per_px : tuple of float
        Pixel size the model works at, in micrometres, slowest axis first.
    normalisation : Normalisation
        Applied to colours divided by 255, or to volumes as `intensity` says.
    intensity : {"colours", "volume"}
        ``"volume"``: each volume is first brought to one scale by
        `core.volume.intensity.normalise`.
    postprocessing : PostProcessing
        Threshold, areas in square micrometres and separation that suit the model.
    typical_area_um2 : float, optional
        Median area of an object in the training data, in square micrometres.
    data : tuple of DataSource
        What it learned from, with licence and citation.
    licence, terms : str
        SPDX-like licence of the weights, and one sentence for people.
    research_only : bool
        Whether the terms are shown once before the first use.
    bad_at : str
        What the model is known to do badly.
    recipe, training : dict
        Settings of the training, and what was recorded about the run.
    seed : int
        Of the training.
    metrics : tuple of MetricRecord
        Scores with their protocol.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    title: ShortText
    tissue: Sentence = ""
    description: Sentence = ""
    architecture: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    architecture_args: JsonObject = Field(default_factory=dict)
    taps: JsonObject = Field(default_factory=dict)
    spatial_dims: Literal[2, 3] = 2
    in_channels: int = Field(default=3, ge=1, le=64)
    classes: tuple[ShortText, ...] = Field(min_length=1, max_length=254)
    separation: Literal["contour"] | None = None
    um_per_px: tuple[MicronsPerPixel, ...]
    normalisation: Normalisation
    intensity: Literal["colours", "volume"] = "colours"
    postprocessing: ObjectSettings = Field(default_factory=PostProcessing)
    typical_area_um2: float | None = Field(default=None, gt=0)
    data: tuple[DataSource, ...] = ()
    licence: str = Field(pattern=r"^[A-Za-z0-9.+() -]{1,200}$")
    terms: Sentence = ""
    research_only: bool = False
    bad_at: Sentence = ""
    recipe: JsonObject = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    training: JsonObject = Field(default_factory=dict)
    metrics: tuple[MetricRecord, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        if len(self.um_per_px) != self.spatial_dims:
            raise ValueError(f"um_per_px needs {self.spatial_dims} numbers")
        if self.spatial_dims == 2 and not plausible(self.pixel_size):
            raise ValueError(f"um_per_px of pictures lies from {SMALLEST_UM} to {LARGEST_UM:g}")
        if not len(self.normalisation.mean) == len(self.normalisation.std) == self.in_channels:
            raise ValueError(f"normalisation needs {self.in_channels} numbers each")
        if self.intensity == "volume" and (self.spatial_dims, self.in_channels) != (3, 1):
            raise ValueError("intensity of volumes needs 3 spatial_dims and 1 channel")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must differ from each other")
        check_plain(self.model_dump(mode="json"))
        return self

    @model_serializer(mode="wrap")
    def _as_ever(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what cards of pictures did not say before there were volumes."""
        data: dict[str, Any] = handler(self)
        if data.get("intensity") == "colours":
            del data["intensity"]
        return data

    @property
    def n_classes(self) -> int:
        """Number of foreground classes K."""
        return len(self.classes)

    @property
    def out_channels(self) -> int:
        """Channels of the logits: background, K classes and, if separated, the contour."""
        return 1 + self.n_classes + (self.separation is not None)

    @property
    def pixel_size(self) -> PixelSize:
        """Pixel size in the plane (the last two axes), in micrometres."""
        return PixelSize(y=self.um_per_px[-2], x=self.um_per_px[-1])

    def to_json(self) -> str:
        """Return the card as compact JSON; the same card gives the same text."""
        data = self.model_dump(mode="json")
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def parse_card(text: str) -> Card:
    """Validate the text of a card.

    Parameters
    ----------
    text : str
        JSON, at most 256 KiB.

    Returns
    -------
    Card

    Raises
    ------
    ValueError
        With one short reason, if the text is no valid card.
    """
    if len(text.encode("utf-8", "replace")) > MAX_CARD_BYTES:
        raise ValueError("its card is larger than 256 KiB")
    try:
        loads_strict(text)
        return Card.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError(f"its card is not valid ({first_reason(error)})") from None
    except ValueError as error:
        raise ValueError(f"its card is not valid ({error})") from None


def first_reason(error: ValidationError) -> str:
    """Say where and why in a few words, without echoing what the card holds.

    Parameters
    ----------
    error : ValidationError
        What building a `Card` raised.

    Returns
    -------
    str
    """
    first = error.errors(include_input=False, include_url=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    where = _place(first["loc"])
    return f"{where}: {message}" if where else message


def _place(loc: Iterable[int | str]) -> str:
    """Name the field; keys a stranger chose are shown only if they are plain words."""
    parts = [str(part)[:40] for part in loc]
    return ".".join(part if part.replace("_", "").isalnum() else "?" for part in parts[:4])
