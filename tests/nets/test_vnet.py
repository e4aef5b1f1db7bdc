"""VNet: what MONAI's does not do by itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_selfreg.nets.registry import build_network


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_dropout_is_what_was_asked_for_everywhere(dropout: float) -> None:
    with torch.device("meta"):
        network = build_network(
            "vnet", in_channels=1, out_channels=3, spatial_dims=3, dropout=dropout
        )
    found = [module.p for module in network.modules() if isinstance(module, nn.Dropout3d)]
    assert len(found) == 8
    assert set(found) == {dropout}


def test_is_published_dropout_by_default() -> None:
    with torch.device("meta"):
        network = build_network("vnet", in_channels=2, out_channels=3, spatial_dims=3)
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout3d)} == {0.5}
