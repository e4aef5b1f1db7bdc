"""What an architecture must offer to be registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class ArchitectureEntry:
    """One registered architecture.

    Parameters
    ----------
    name
        Name used in cards and recipes, such as ``"basic_unet"``.
    build
        ``build(*, in_channels, out_channels, spatial_dims, **args) -> nn.Module``; the module
        maps ``(N, in_channels, *spatial)`` to logits ``(N, out_channels, *spatial)``.
    tap_spec
        ``tap_spec(*, spatial_dims, **args) -> TapSpec`` for the network ``build`` gives with the
        same arguments.
    spatial_dims
        The dimensions the architecture exists in.
    description
        One sentence for people.
    """

    name: str
    build: Callable[..., nn.Module]
    tap_spec: Callable[..., TapSpec]
    spatial_dims: tuple[int, ...] = (2,)
    description: str = ""
