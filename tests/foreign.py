"""Networks of other packages, to be tapped and regularized like our own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from torch import nn


class _StandIn(MetaPathFinder, Loader):
    """An empty torchvision: segmentation-models-pytorch names its classes but needs few of them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = name.split(".")[0] == "torchvision"
        return ModuleSpec(name, self, is_package=True) if ours else None

    def exec_module(self, module: ModuleType) -> None:
        def make(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            if name == "InterpolationMode":
                return Enum(name, "NEAREST BILINEAR BICUBIC BOX HAMMING LANCZOS")
            return type(name, (nn.Module,), {})

        module.__getattr__ = make  # type: ignore[method-assign]


def import_smp() -> Any:
    """Return segmentation-models-pytorch, or skip the test.

    Where torchvision is missing an empty stand-in takes its place: encoders that are not
    torchvision's own work, for example ``smp.Unet("efficientnet-b0", encoder_weights=None)``.
    """
    if "torchvision" in sys.modules or find_spec("torchvision"):
        return pytest.importorskip("segmentation_models_pytorch")
    stand_in = _StandIn()
    sys.meta_path.append(stand_in)
    try:
        return pytest.importorskip("segmentation_models_pytorch")
    finally:
        sys.meta_path.remove(stand_in)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
