"""Numbers of each block while a network learns, for a small share of the time of its steps."""

from __future__ import annotations

import time

from torch import Tensor, nn

from napari_selfreg.core.redundancy import BlockNumbers, block_numbers
from napari_selfreg.nets.feature_maps import capture, scr_residual
from napari_selfreg.nets.pooling import PooledTeacher
from napari_selfreg.nets.tapspec import TapSpec

SHARE = 0.02
"""Part of the time of the steps that looking may take. The aim is 3 % in all (issue 5): the rest
is for the step after a look, which finds other data in the caches."""


class BlockWatch:
    """Measures the blocks of a network on one picture, as often as there is time for it.

    The network runs in evaluation mode without gradient, so that watching changes no weight.

    Parameters
    ----------
    tapspec : TapSpec
        Names the blocks.
    picture : Tensor of float32, shape (1, C, *spatial)
        Always the same, so that what changes is the network; normalised, on its device.
    share : float, default SHARE
        Part of the time of the steps that may be spent.
    """

    def __init__(self, tapspec: TapSpec, picture: Tensor, share: float = SHARE) -> None:
        self._tapspec, self._picture, self._share = tapspec, picture, share
        self._saved = 0.0
        self.spent: list[float] = []

    def look(self, network: nn.Module) -> dict[str, BlockNumbers]:
        """Measure all blocks now.

        Parameters
        ----------
        network : nn.Module
            In any mode, which it keeps.

        Returns
        -------
        dict of str to BlockNumbers
            In the order of the forward pass.
        """
        started = time.monotonic()
        taps = capture(network, self._tapspec, self._picture)
        last = PooledTeacher(taps[self._tapspec.teacher_block])
        numbers = {
            block: block_numbers(
                block, maps[0].float().cpu().numpy(), float(scr_residual(maps, last).mean())
            )
            for block, maps in taps.items()
        }
        self.spent.append(time.monotonic() - started)
        return numbers

    def after_step(self, network: nn.Module, seconds: float) -> dict[str, BlockNumbers]:
        """Measure after a step of some seconds if the steps so far pay for it, else nothing.

        Parameters
        ----------
        network : nn.Module
        seconds : float
            What the step took.

        Returns
        -------
        dict of str to BlockNumbers
            Empty where it is not yet time again.
        """
        self._saved += self._share * seconds
        # The first look also warms up; of the later ones the dearest is reckoned with.
        if self._saved < max(self.spent[1:] or self.spent or [0.0]):
            return {}
        numbers = self.look(network)
        self._saved -= self.spent[-1]
        return numbers
