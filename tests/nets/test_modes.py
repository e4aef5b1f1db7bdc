from __future__ import annotations

import pytest
from torch import nn

from napari_selfreg.nets.modes import evaluating


def test_every_module_gets_its_own_mode_back() -> None:
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.Dropout()))
    network[1].eval()
    network[1][0].train()
    before = [module.training for module in network.modules()]
    with pytest.raises(ZeroDivisionError), evaluating(network):
        assert not any(module.training for module in network.modules())
        _ = 1 / 0
    assert [module.training for module in network.modules()] == before
    assert len(set(before)) == 2
