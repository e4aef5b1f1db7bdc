"""Bundles as networks: checked on the meta device, then loaded; and saved from any module.

A card from a stranger is only trusted as far as its own file reaches: the network it describes is
first built without memory, and must ask for exactly the tensors the file really holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.skeleton import (
    MAX_SIZE,
    build_from_card,
    meta_build,
    meta_network,
    unstored,
)
from napari_selfreg.io.bundle import (
    BundleHeader,
    TensorInfo,
    load_tensors,
    open_header,
    refuse,
    write_bundle,
)
from napari_selfreg.io.card import EXTERNAL, Card
from napari_selfreg.io.models import find_model
from napari_selfreg.nets.registry import tap_spec
from napari_selfreg.nets.taps import unwrap
from napari_selfreg.nets.tapspec import TapSpec

MAX_STRIDE = 1024

_STORED_AS: Mapping[torch.dtype, frozenset[str]] = {
    torch.float32: frozenset({"F32", "F16", "BF16"}),
    torch.float16: frozenset({"F16"}),
    # Of another package's architecture; `save_bundle` stores both as float32.
    torch.bfloat16: frozenset({"BF16", "F32"}),
    torch.float64: frozenset({"F32"}),
    torch.int64: frozenset({"I64", "I32"}),
    torch.int32: frozenset({"I32"}),
    torch.uint8: frozenset({"U8"}),
    torch.bool: frozenset({"BOOL"}),
}


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A loaded bundle.

    Parameters
    ----------
    card : Card
        What the model is.
    network : torch.nn.Module
        In evaluation mode, float32, on the device asked for.
    tapspec : TapSpec
        Its blocks by name.
    path : Path
        The file it came from.
    """

    card: Card
    network: nn.Module
    tapspec: TapSpec
    path: Path


def load_model(
    name_or_path: str | Path,
    device: str | torch.device = "cpu",
    *,
    network: nn.Module | None = None,
) -> Model:
    """Load a bundle as a network.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a bundled model, or the path of a bundle.
    device : str or torch.device
        Where the network's tensors go.
    network : torch.nn.Module, optional
        A freshly built network of the right shape, for bundles whose architecture this package
        cannot build; it becomes one of float32, and its weights are replaced.

    Returns
    -------
    Model

    Raises
    ------
    BadModelError
        With the reason, if the file is no bundle or does not fit its own card.
    """
    header = open_header(find_model(name_or_path))
    skeleton = network.float() if network is not None else meta_network(header)
    _compare(header, skeleton)
    tapspec = _tapspec(header, skeleton)
    tensors = {name: torch.from_numpy(array) for name, array in load_tensors(header).items()}
    if network is None:
        network = _filled(header, skeleton, tensors)
    else:
        network.load_state_dict(tensors, strict=True)
    return Model(header.card, network.to(device).eval(), tapspec, header.path)


def save_bundle(
    module: nn.Module,
    tapspec: TapSpec,
    card: Card,
    path: Path | str,
    *,
    storage: Literal["float32", "float16"] = "float32",
) -> Card:
    """Save a trained network with its card as one file.

    Parameters
    ----------
    module : torch.nn.Module
        Any network; only its ``state_dict`` is stored, float64 rounded to float32. Wrappers are
        taken off: for several devices, for averages of weights, of torch.compile.
    tapspec : TapSpec
        Block names; they become the card's ``taps``.
    card : Card
        Its architecture is a registered name, or ``"external"`` for a network of your own:
        `load_model` then needs ``network=``. An entry point of the group
        ``napari_selfreg.architectures`` makes the architecture loadable by name.
    path : Path or str
        Target, ending in ``.safetensors``.
    storage : {"float32", "float16"}
        float16 halves the file: matrices and kernels are rounded, vectors are kept.

    Returns
    -------
    Card
        The card as stored.

    Raises
    ------
    BadModelError
        If the weights are not finite, do not belong to the card's architecture or cannot be
        stored, or the network has no such taps.
    WriteError
        If the file cannot be written.
    """
    target, network = Path(path), unwrap(module)
    stored = Card.model_validate({**dict(card), "taps": tapspec.to_dict()})
    _check_taps(target, tapspec, network)
    arrays = {
        name: _to_array(target, name, tensor, storage)
        for name, tensor in network.state_dict().items()
    }
    if stored.architecture != EXTERNAL:
        _check_rebuildable(target, stored, arrays)
    write_bundle(target, stored, arrays)
    return stored


def _compare(header: BundleHeader, network: nn.Module) -> None:
    """Raise unless the file holds exactly the tensors the network asks for."""
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(header.tensors))
    extra = sorted(set(header.tensors) - set(wanted))
    if missing:
        raise refuse(header.path, f"tensor {missing[0]} is missing ({len(missing)} in all)")
    if extra:
        raise refuse(header.path, f"tensor {extra[0]} is not part of its network")
    for name, tensor in wanted.items():
        _compare_tensor(header.path, name, tensor, header.tensors[name])


def _compare_tensor(path: Path, name: str, tensor: torch.Tensor, info: TensorInfo) -> None:
    if tuple(tensor.shape) != info.shape:
        raise refuse(
            path,
            f"tensor {name} has the shape {info.shape} where its network needs "
            f"{tuple(tensor.shape)}",
        )
    if info.dtype not in _STORED_AS.get(tensor.dtype, frozenset()):
        raise refuse(path, f"tensor {name} is stored as {info.dtype}, not as {tensor.dtype}")


def _tapspec(header: BundleHeader, network: nn.Module) -> TapSpec:
    try:
        spec = TapSpec.from_dict(header.card.taps)
        modules = dict(network.named_modules())
        unknown = [tap.module for tap in spec.taps if tap.module not in modules]
        _check_input_sizes(spec, header.card)
        spec = _fitted(spec, header.card)
    except Exception as error:
        raise refuse(header.path, "its card's taps are damaged") from error
    if unknown:
        raise refuse(header.path, "its card names a tap that its network does not have")
    return spec


def _check_input_sizes(spec: TapSpec, card: Card) -> None:
    sides = [spec.min_size, *(spec.fixed_size or ())]
    if not all(type(side) is int and 0 < side <= MAX_SIZE for side in sides):
        raise ValueError("impossible input size")
    if type(spec.size_multiple) is not int or spec.size_multiple > MAX_STRIDE:
        raise ValueError("impossible size multiple")
    if spec.spatial_dims != card.spatial_dims:
        raise ValueError("taps and card differ in dimensions")


def _fitted(spec: TapSpec, card: Card) -> TapSpec:
    """Return taps that allow no input size which the architecture cannot take.

    A file may state less than its network needs: who saves one may have left `TapSpec`'s defaults.
    """
    if card.architecture == EXTERNAL:
        return spec
    own = tap_spec(card.architecture, spatial_dims=card.spatial_dims, **card.architecture_args)
    multiple, fixed = own.size_multiple, spec.fixed_size
    if any(side % multiple for side in fixed or ()) or own.fixed_size not in (None, fixed):
        raise ValueError("not a fixed size of the architecture")
    if spec.size_multiple % multiple == 0:
        multiple = spec.size_multiple
    return replace(spec, size_multiple=multiple, min_size=max(spec.min_size, own.min_size))


def _filled(
    header: BundleHeader, skeleton: nn.Module, tensors: dict[str, torch.Tensor]
) -> nn.Module:
    """Put the tensors in place; networks with unstored tensors are built once more for real."""
    if any(tensor.is_meta for tensor in unstored(skeleton)):
        real = build_from_card(header.card)
        real.load_state_dict(tensors, strict=True)
        return real
    typed = skeleton.state_dict()
    cast = {name: tensor.to(typed[name].dtype) for name, tensor in tensors.items()}
    skeleton.load_state_dict(cast, strict=True, assign=True)
    return skeleton


def _check_taps(target: Path, spec: TapSpec, network: nn.Module) -> None:
    modules = dict(network.named_modules())
    unknown = [tap.module for tap in spec.taps if tap.module not in modules]
    if unknown:
        raise BadModelError(
            f"{target.name} was not saved because its network has no module {unknown[0]!r} to "
            "tap: give the taps of this network (TapSpec.propose lists its modules)."
        )


def _to_array(target: Path, name: str, tensor: Any, storage: str) -> npt.NDArray[Any]:
    try:
        plain = tensor.detach().to("cpu")
        if plain.dtype in {torch.bfloat16, torch.float64}:
            plain = plain.to(torch.float32)
        array: npt.NDArray[Any] = plain.contiguous().numpy()
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        # Sparse, quantized, not yet initialised, without memory, or no tensor at all.
        raise BadModelError(
            f"{target.name} was not saved because {name} is no plain tensor: models hold dense "
            "tensors of numbers only."
        ) from error
    rounds_well = array.dtype == np.float32 and array.ndim >= 2
    if storage == "float16" and rounds_well and np.abs(array).max(initial=0.0) < 6e4:
        return array.astype(np.float16)
    return array


def _check_rebuildable(path: Path, card: Card, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    with meta_build():
        wanted = build_from_card(card).state_dict()
    same = set(wanted) == set(arrays) and all(
        tuple(tensor.shape) == arrays[name].shape for name, tensor in wanted.items()
    )
    if not same:
        raise BadModelError(
            f"{path.name} was not saved because its weights do not belong to the architecture "
            f"{card.architecture!r} on the card: correct architecture_args, or name it "
            f'"{EXTERNAL}".'
        )
