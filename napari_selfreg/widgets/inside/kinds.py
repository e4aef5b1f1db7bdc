"""The kinds of maps, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KindName = Literal["energy", "channel", "pca", "attention", "scr", "similarity", "pair"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of map.

    Parameters
    ----------
    name : str
        Of the engine.
    title : str
        In the list.
    word : str
        In names of layers.
    tip : str
        What it shows.
    colormap : str or None
        Of its layer; None for colours.
    ends : tuple of str
        What the lowest and the highest colour mean.
    """

    name: KindName
    title: str
    word: str
    tip: str
    colormap: str | None
    ends: tuple[str, str]


KINDS: tuple[Kind, ...] = (
    Kind(
        "energy",
        "Energy",
        "energy",
        "How strongly all channels of a block answer at each place",
        "inferno",
        ("weak", "strong"),
    ),
    Kind(
        "channel",
        "Channels, one at a time",
        "channel",
        "What one channel answers to; move the slider or click a small picture",
        "viridis",
        ("little", "much"),
    ),
    Kind(
        "pca",
        "Patterns as colours (PCA)",
        "patterns",
        "The three strongest patterns of a block as red, green and blue: places of like colour "
        "look alike to the block. Two models share one set of colours.",
        None,
        ("Like colours look alike to the block", ""),
    ),
    Kind(
        "attention",
        "Attention (Grad-CAM)",
        "attention",
        "Where a block pushes towards the class. Take care: the target is summed over its own "
        "region, and late blocks lie next to the answer. That the decoder looks more to the "
        "point is in part how Grad-CAM works, not what the network has learned.",
        "inferno",
        ("none", "strong"),
    ),
    Kind(
        "scr",
        "Disagreement (SCR)",
        "disagreement",
        "Where a block differs from the last decoder block, which SCR pulls it towards",
        "magma",
        ("agrees", "differs"),
    ),
    Kind(
        "similarity",
        "Like the place I click",
        "likeness",
        "Click or drag on the tissue: every block shows what looks like that place to it, from 0 "
        "(unlike) to 1 (the same)",
        "viridis",
        ("unlike", "alike"),
    ),
)

PAIR = Kind(
    "pair",
    "Two channels",
    "channels",
    "Two channels on the tissue: blue and yellow, green where both answer",
    None,
    ("First blue, second yellow, both green", ""),
)

_BY_NAME = {kind.name: kind for kind in (*KINDS, PAIR)}


def kind_of(name: str) -> Kind:
    """Return a kind by its name."""
    return _BY_NAME[name]  # type: ignore[index]


def layer_name(
    block: str, kind: Kind, model: str, channels: tuple[int, ...] = (), several: bool = False
) -> str:
    """Return what a layer is called.

    Parameters
    ----------
    block : str
    kind : Kind
    model : str
    channels : tuple of int
        Those that are shown, if not all.
    several : bool
        Whether more models than this are shown: then the model comes before the kind, as names
        are cut at their end where many maps lie side by side.

    Examples
    --------
    >>> layer_name("D2", kind_of("energy"), "glands")
    'D2 · energy · glands'
    >>> layer_name("E1", kind_of("channel"), "glands", (7,))
    'E1 · channel 7 · glands'
    >>> layer_name("D2", kind_of("energy"), "glands-tuned-1", several=True)
    'D2 · glands-tuned-1 · energy'
    """
    word = " ".join([kind.word, *(" + ".join(str(each) for each in channels),)]).strip()
    return " · ".join((block, model, word) if several else (block, word, model))
