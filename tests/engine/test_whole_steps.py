"""A step that is interrupted is taken back, or known as half."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_selfreg.engine.whole_steps import WholeSteps


def test_a_step_that_changed_no_weight_is_taken_back() -> None:
    network, heads = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    steps = WholeSteps(network, heads)
    with steps.step():
        heads(network(torch.rand(4, 2)))
        steps.change_weights()
    states = [{k: v.clone() for k, v in each.state_dict().items()} for each in (network, heads)]
    with pytest.raises(KeyboardInterrupt), steps.step():
        heads(network(torch.rand(4, 2)))
        raise KeyboardInterrupt
    assert steps.sound
    for each, state in zip((network, heads), states, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in each.state_dict().items())


def test_a_step_that_changed_weights_is_half() -> None:
    steps = WholeSteps(nn.Linear(1, 1))
    with pytest.raises(KeyboardInterrupt), steps.step():
        steps.change_weights()
        raise KeyboardInterrupt
    assert not steps.sound
