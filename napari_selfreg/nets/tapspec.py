"""Taps: named places in a network whose output is captured while a tap context is open."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.adapters import check_adapter
from napari_selfreg.nets.taps import Taps, attach

if TYPE_CHECKING:
    from napari_selfreg.nets.propose import TapProposal

_BLOCK = re.compile(r"E([1-9]\d*)|B|D([1-9]\d*)")


@dataclass(frozen=True)
class Tap:
    """One named place.

    Parameters
    ----------
    block
        ``E1``… (encoder from full resolution down), ``B`` (bottleneck) or ``Dn``…``D1``
        (decoder up; ``D1`` is the last block before the 1x1 head).
    module
        Dotted name of the submodule, as in ``network.named_modules()``.
    adapter
        How its output becomes a map ``(N, C, *spatial)``, see
        :mod:`napari_selfreg.nets.adapters`.
    """

    block: str
    module: str
    adapter: str = "identity"


@dataclass(frozen=True)
class TapSpec:
    """Ordered taps of one network and the input sizes it accepts.

    Parameters
    ----------
    taps
        In the order of the forward pass: ``E1…En``, ``B``, ``Dn…D1``. ``D1`` must be there.
    spatial_dims
        2 for ``(N, C, Y, X)``, 3 for ``(N, C, Z, Y, X)``.
    size_multiple
        Every spatial side of an input must be a multiple of this (the total stride).
    min_size
        Smallest side of an input, in pixels.
    fixed_size
        The only size accepted, per spatial axis, or None.

    Raises
    ------
    BadModelError
        If a block name, the order or an adapter is wrong.
    """

    taps: tuple[Tap, ...]
    spatial_dims: int = 2
    size_multiple: int = 16
    min_size: int = 16
    fixed_size: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _check_order([tap.block for tap in self.taps])
        for tap in self.taps:
            check_adapter(tap.adapter)
        if self.spatial_dims not in (2, 3):
            raise BadModelError(f"Taps have 2 or 3 spatial dimensions, not {self.spatial_dims}.")
        if self.size_multiple < 1 or self.min_size < 1:
            raise BadModelError("size_multiple and min_size of a network must be at least 1.")
        if self.fixed_size is not None and len(self.fixed_size) != self.spatial_dims:
            raise BadModelError(f"fixed_size {self.fixed_size} needs {self.spatial_dims} numbers.")

    @property
    def blocks(self) -> tuple[str, ...]:
        """All block names, in order."""
        return tuple(tap.block for tap in self.taps)

    @property
    def encoder(self) -> tuple[str, ...]:
        """``E1…En``, full resolution first."""
        return tuple(block for block in self.blocks if block.startswith("E"))

    @property
    def decoder(self) -> tuple[str, ...]:
        """``Dn…D1``, coarsest first."""
        return tuple(block for block in self.blocks if block.startswith("D"))

    @property
    def teacher_block(self) -> str:
        """``D1``, the last decoder block."""
        return "D1"

    @property
    def encoder_students(self) -> tuple[str, ...]:
        """``E2…En, B``: the encoder group of SCR and IFD (the first block is left out)."""
        return (*(block for block in self.encoder if block != "E1"), *self._bottleneck)

    @property
    def decoder_students(self) -> tuple[str, ...]:
        """``Dn…D2``: the decoder group of SCR and IFD."""
        return tuple(block for block in self.decoder if block != self.teacher_block)

    @property
    def student_blocks(self) -> tuple[str, ...]:
        """``E2…En, B, Dn…D2``: the blocks SCR and IFD act on."""
        return self.encoder_students + self.decoder_students

    @property
    def _bottleneck(self) -> tuple[str, ...]:
        return tuple(block for block in self.blocks if block == "B")

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description; :meth:`from_dict` reads it back."""
        described = asdict(self)
        described["taps"] = [asdict(tap) for tap in self.taps]
        described["fixed_size"] = None if self.fixed_size is None else list(self.fixed_size)
        return described

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> TapSpec:
        """Build a TapSpec from :meth:`to_dict`.

        Raises
        ------
        BadModelError
            If a key is missing, unknown or of the wrong type.
        """
        values = dict(described)
        try:
            values["taps"] = tuple(_tap(tap) for tap in values["taps"])
            if values.get("fixed_size") is not None:
                values["fixed_size"] = tuple(int(side) for side in values["fixed_size"])
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadModelError(f"The description of the taps is malformed: {error}.") from error

    @contextmanager
    def open(self, network: nn.Module, blocks: Sequence[str] | None = None) -> Iterator[Taps]:
        """Capture the tapped outputs of every forward pass inside the ``with`` block.

        Parameters
        ----------
        network
            The network the taps belong to; wrappers are looked through: for several devices, for
            averages of weights, of torch.compile.
        blocks
            Which blocks to capture; all by default.

        Yields
        ------
        Taps
            Mapping from block name to ``(N, C, *spatial)``, attached to the autograd graph,
            refilled by each forward pass. On leaving the block, also by an exception, the hooks
            are removed and the mapping is emptied.

        Raises
        ------
        BadModelError
            If a module or block does not exist.
        """
        wanted = self.blocks if blocks is None else tuple(blocks)
        unknown = [block for block in wanted if block not in self.blocks]
        if unknown:
            raise BadModelError(f"There is no block {unknown[0]!r}; taps are {list(self.blocks)}.")
        chosen = [tap for tap in self.taps if tap.block in wanted]
        places = [(tap.block, tap.module, tap.adapter) for tap in chosen]
        with attach(network, places, self.spatial_dims) as taps:
            yield taps

    @staticmethod
    def propose(network: nn.Module, shape: Sequence[int] | Tensor) -> TapProposal:
        """List a network's modules with their output shapes and propose taps.

        Parameters
        ----------
        network
            Any U-shaped network.
        shape
            Shape ``(N, C, *spatial)`` of an input, or an input itself.

        Returns
        -------
        TapProposal

        See Also
        --------
        napari_selfreg.nets.propose.propose
        """
        from napari_selfreg.nets.propose import propose

        return propose(network, shape)


def _tap(described: Mapping[str, Any]) -> Tap:
    if not all(isinstance(value, str) for value in described.values()):
        raise TypeError("the fields of a tap are strings")
    return Tap(**described)


def _check_order(blocks: Sequence[str]) -> None:
    """Raise unless blocks are ``E1…En, B, Dn…D1``, each once, with ``D1``."""
    ranks = []
    for block in blocks:
        match = _BLOCK.fullmatch(block)
        if match is None:
            raise BadModelError(f"{block!r} is not a block name; use E1…En, B, Dn…D1.")
        encoder, decoder = match.groups()
        ranks.append((0, int(encoder)) if encoder else (2, -int(decoder)) if decoder else (1, 0))
    if any(later <= earlier for earlier, later in itertools.pairwise(ranks)):
        raise BadModelError(f"Taps must be in the order E1…En, B, Dn…D1, not {list(blocks)}.")
    if "D1" not in blocks:
        raise BadModelError("Taps need the block D1, the last one before the 1x1 head.")
