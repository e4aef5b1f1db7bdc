"""Steps that count wholly or not at all, so that a run interrupted inside one can be saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WholeSteps:
    """Takes an interrupted step back as long as it changed no weight, else knows it as half.

    Parameters
    ----------
    *modules : nn.Module
        All that a step runs forward: their buffers, as the statistics of batches, are put back.

    Attributes
    ----------
    sound : bool
        Whether the modules are as they were between two steps.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self.sound = True
        self._modules = modules
        self._changing = False

    @contextmanager
    def step(self) -> Iterator[None]:
        """Guard one step."""
        buffers = [buffer for module in self._modules for buffer in module.buffers()]
        before = [buffer.clone() for buffer in buffers]
        self._changing = False
        try:
            yield
        except BaseException:
            self.sound = False
            if not self._changing:
                with torch.no_grad():
                    for buffer, value in zip(buffers, before, strict=True):
                        buffer.copy_(value)
                self.sound = True
            raise

    def change_weights(self) -> None:
        """Say that from here on the step can no longer be taken back."""
        self._changing = True
