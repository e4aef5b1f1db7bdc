"""What every training begins and ends with: fresh networks, and trained ones as bundles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.bundles import save_bundle
from napari_selfreg.io.card import Card, first_reason
from napari_selfreg.nets.registry import build_network
from napari_selfreg.nets.tapspec import TapSpec


def fresh_network(
    architecture: str, arguments: Mapping[str, Any], *, seed: int, **sizes: int
) -> nn.Module:
    """Build a network whose weights depend on the seed alone.

    Parameters
    ----------
    architecture : str
    arguments : mapping of str to object
        Of the architecture.
    seed : int
    **sizes : int
        ``in_channels``, ``out_channels`` and, for volumes, ``spatial_dims``.

    Returns
    -------
    nn.Module

    Raises
    ------
    BadModelError
        If there is no such architecture, or it does not take its arguments.
    """
    # torch's layers draw from the global generator: seed it inside a fork, which puts it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(architecture, **sizes, **arguments)


def write_trained(
    network: nn.Module, tapspec: TapSpec, weights: Mapping[str, Tensor], card: Card, output: Path
) -> Card:
    """Write trained weights as a bundle.

    Parameters
    ----------
    network : nn.Module
        Its weights are replaced; it ends on the CPU.
    tapspec : TapSpec
    weights : mapping of str to Tensor
    card : Card
    output : Path

    Returns
    -------
    Card
        As written.

    Raises
    ------
    WriteError
        If the bundle cannot be written.
    """
    network.load_state_dict(weights)
    # Half the size; probabilities move by less than 1e-3.
    return save_bundle(network.cpu().eval(), tapspec, card, output, storage="float16")


def require_card(make: Callable[[], Card]) -> None:
    """Find out before hours of training whether a recipe makes a valid card.

    Parameters
    ----------
    make : callable
        Makes the card of an imagined run.

    Raises
    ------
    BadInputError
        Naming the field of the card and what is wrong with it.
    """
    try:
        make()
    except ValidationError as error:
        raise BadInputError(
            f"The recipe cannot be used: its model's card would not be valid "
            f"({first_reason(error)})."
        ) from None
