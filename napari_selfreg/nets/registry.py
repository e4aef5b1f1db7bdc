"""Architectures by name: those of this package and those other packages register.

Another package registers an architecture by an entry point of the group
``napari_selfreg.architectures`` that resolves to an
:class:`~napari_selfreg.nets.architecture.ArchitectureEntry`::

    [project.entry-points."napari_selfreg.architectures"]
    my_net = "my_package.my_module:ENTRY"
"""

from __future__ import annotations

import importlib
import logging
from importlib.metadata import entry_points
from typing import Any

from torch import nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.architecture import ArchitectureEntry
from napari_selfreg.nets.tapspec import TapSpec

ENTRY_POINT_GROUP = "napari_selfreg.architectures"

_OWN = (
    "basic_unet",
    "attention_unet",
    "dynunet",
    "swin_unetr",
    "unetr",
    "selfreg_unet_paper",
    "trans_unet",
    "vnet",
)

# What networks raise on arguments they cannot use.
_WRONG_ARGUMENTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

_log = logging.getLogger(__name__)


def architectures() -> dict[str, ArchitectureEntry]:
    """Return all registered architectures by name, this package's own first.

    An entry point that fails to load or has the name of an own architecture is left out and
    logged, so that another package's fault does not stop this one.
    """
    found = {name: _own(name) for name in _OWN}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry = point.load()
        except Exception:  # noqa: BLE001 - whatever another package raises on import
            _log.warning("The architecture %r could not be loaded.", point.name, exc_info=True)
            continue
        if not isinstance(entry, ArchitectureEntry) or entry.name in _OWN:
            _log.warning("The entry point %r is no new ArchitectureEntry.", point.name)
            continue
        found[entry.name] = entry
    return found


def architecture(name: str) -> ArchitectureEntry:
    """Return one architecture.

    Raises
    ------
    BadModelError
        If none has that name.
    """
    if name in _OWN:
        return _own(name)
    found = architectures()
    if name not in found:
        raise BadModelError(
            f"There is no architecture {name!r}; registered are {', '.join(found)}."
        )
    return found[name]


def build_network(
    name: str, *, in_channels: int, out_channels: int, spatial_dims: int = 2, **args: Any
) -> nn.Module:
    """Build a network by name.

    Parameters
    ----------
    name
        Name of a registered architecture.
    in_channels, out_channels
        Channels of the input and of the logits.
    spatial_dims
        2 or 3.
    **args
        Further arguments of the architecture.

    Returns
    -------
    nn.Module

    Raises
    ------
    BadModelError
        If the name, the dimensions or an argument do not fit.
    """
    entry = _entry_for(name, spatial_dims)
    try:
        return entry.build(
            in_channels=in_channels, out_channels=out_channels, spatial_dims=spatial_dims, **args
        )
    except _WRONG_ARGUMENTS as error:
        raise BadModelError(f"The architecture {name!r} cannot be built: {error}") from error


def tap_spec(name: str, *, spatial_dims: int = 2, **args: Any) -> TapSpec:
    """Return the taps of the network that :func:`build_network` gives for the same arguments.

    Raises
    ------
    BadModelError
        If the name, the dimensions or an argument do not fit.
    """
    entry = _entry_for(name, spatial_dims)
    try:
        return entry.tap_spec(spatial_dims=spatial_dims, **args)
    except _WRONG_ARGUMENTS as error:
        raise BadModelError(f"The architecture {name!r} has no such taps: {error}") from error


def _entry_for(name: str, spatial_dims: int) -> ArchitectureEntry:
    entry = architecture(name)
    if spatial_dims not in entry.spatial_dims:
        raise BadModelError(f"The architecture {name!r} does not exist in {spatial_dims}-D.")
    return entry


def _own(name: str) -> ArchitectureEntry:
    # Imported one by one: MONAI's transformers take long to import and are seldom needed.
    module = importlib.import_module(f"napari_selfreg.nets.architectures.{name}")
    entry: ArchitectureEntry = module.ENTRY
    return entry
