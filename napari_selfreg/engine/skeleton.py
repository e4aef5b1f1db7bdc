"""The network a card describes, built without memory however hostile the card is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io.bundle import BundleHeader, refuse
from napari_selfreg.io.card import EXTERNAL, Card, JsonObject
from napari_selfreg.nets.registry import architecture, build_network

MAX_SIZE = 4096
MAX_ARGUMENTS = 256
MAX_HIDDEN_BYTES = 256 * 1024 * 1024
"""Bound on tensors a network builds for itself and does not store."""


class CardFault(Exception):
    """A reason to refuse a card, raised while its network is being built."""


def build_from_card(card: Card) -> nn.Module:
    """Build the untrained network a card describes.

    Raises
    ------
    BadModelError
        If the architecture is unknown or its arguments are not usable.
    CardFault
        If they are out of all proportion.
    """
    _check_arguments(card.architecture_args)
    arguments: dict[str, Any] = dict(card.architecture_args)
    return build_network(
        card.architecture,
        in_channels=card.in_channels,
        out_channels=card.out_channels,
        spatial_dims=card.spatial_dims,
        **arguments,
    )


def _check_arguments(arguments: JsonObject) -> None:
    """Refuse sizes no network of ours has, before anything is built."""
    reserved = {"in_channels", "out_channels", "spatial_dims", "name"} & set(arguments)
    if reserved:
        raise CardFault(f"its card sets {sorted(reserved)[0]} twice")
    stack: list[object] = [arguments]
    seen = 0
    while stack:
        item = stack.pop()
        seen += 1
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, int | float) and abs(item) > MAX_SIZE:
            raise CardFault(f"its card asks for a size above {MAX_SIZE}")
        if seen > MAX_ARGUMENTS:
            raise CardFault("its card has too many architecture arguments")


class _SmallSequencesOnCpu(TorchFunctionMode):
    """Keep ``linspace`` real: networks read drop rates from it while they are built."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func is torch.linspace:
            options["device"] = "cpu"
        return func(*args, **options)


@contextmanager
def meta_build() -> Iterator[None]:
    """Let networks built inside take no memory."""
    with torch.device("meta"), _SmallSequencesOnCpu():
        yield


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Stop a network that registers more parameters than allowed while it is being built."""
    builder = threading.get_ident()
    count = 0

    def check(module: nn.Module, name: str, parameter: object) -> None:
        nonlocal count
        if threading.get_ident() == builder:
            count += 1
            if count > parameters:
                raise CardFault("its card describes more layers than the file holds")

    handle = register_module_parameter_registration_hook(check)
    try:
        yield
    finally:
        handle.remove()


def meta_network(header: BundleHeader) -> nn.Module:
    """Build the network of a bundle's card on the meta device.

    Raises
    ------
    BadModelError
        If the card's architecture is unknown, or its arguments make no network or one far
        larger than the file.
    """
    _check_known(header)
    try:
        # Some networks register a parameter twice or drop a few: hence twice the number.
        with _at_most(2 * len(header.tensors) + 64), meta_build():
            network = build_from_card(header.card)
    except CardFault as error:
        raise refuse(header.path, str(error)) from None
    except Exception as error:
        reason = "its card's architecture arguments do not make a network"
        raise refuse(header.path, reason) from error
    if sum(tensor.nbytes for tensor in unstored(network)) > MAX_HIDDEN_BYTES:
        raise refuse(header.path, "its card asks for far too much memory")
    return network


def _check_known(header: BundleHeader) -> None:
    name = header.card.architecture
    if name == EXTERNAL:
        reason = "its network is not part of this package (give it to load_model as network=)"
        raise refuse(header.path, reason)
    try:
        architecture(name)
    except BadModelError as error:
        reason = f"nothing installed here brings its architecture {name!r} (install what does)"
        raise refuse(header.path, reason) from error


def unstored(network: nn.Module) -> Iterator[torch.Tensor]:
    """Yield tensors that live in the network but not in its state: buffers and attributes."""
    stored = set(network.state_dict())
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if name not in stored:
            yield tensor
    for module in network.modules():
        yield from (value for value in vars(module).values() if isinstance(value, torch.Tensor))
