"""Networks written down: what is known, what is refused, what is folded."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.engine.volume.graph import NotLocalError, record
from napari_selfreg.engine.volume.local_ops import BatchNorm, Convolution
from tests.engine.models import shake
from tests.engine.volume.models import SmallNet3D, WideView, registered

SAMPLE = torch.zeros(1, 1, 16, 16, 16)


class Applied(nn.Module):
    """A function of a convolution's result."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.function = nn.Conv3d(1, 2, 3, padding=1), function
        self.norm = nn.BatchNorm3d(2)

    def forward(self, x):
        return self.function(self, self.conv(x))


def test_normalisations_are_folded_into_the_convolutions_they_follow():
    graph = record(shake(SmallNet3D()), SAMPLE)
    kinds = [type(node.op) for node in graph.nodes.values()]
    assert BatchNorm not in kinds
    assert kinds.count(Convolution) == 3


def test_a_normalisation_that_is_not_alone_stays():
    network = Applied(lambda own, x: own.norm(x) + x).eval()
    kinds = [type(node.op) for node in record(network, SAMPLE).nodes.values()]
    assert BatchNorm in kinds


def test_what_the_result_does_not_need_is_left_out():
    def wasteful(own, x):
        functional.relu(x)
        return torch.sigmoid(x)

    assert len(record(Applied(wasteful).eval(), SAMPLE).nodes) == 3


@pytest.mark.parametrize(
    "function",
    [
        lambda _, x: functional.instance_norm(x),
        lambda _, x: x - x.mean(),
        lambda _, x: functional.interpolate(x, scale_factor=2, mode="trilinear"),
        lambda _, x: functional.dropout(x, 0.5, True),
        lambda _, x: functional.batch_norm(x, None, None, training=True),
        lambda _, x: functional.pad(x, (1, 1)),
        lambda _, x: torch.cat([x, x], 2),
        lambda _, x: torch.cat([x, torch.ones_like(x)], 1),
        lambda _, x: x + torch.arange(16.0),
        lambda _, x: x.flip(2),
        lambda _, x: functional.max_pool3d(x, 3, 2, 1),
        lambda _, x: functional.max_pool3d(x, 3, 2, ceil_mode=True),
        lambda _, x: x.chunk(2, 1)[0],
        lambda _, x: x.repeat(1, 1, 2, 1, 1),
        lambda _, x: torch.zeros(1, 2, 16, 16, 16),
    ],
)
def test_what_is_not_local_is_refused(function):
    with pytest.raises(NotLocalError):
        record(Applied(function).eval(), SAMPLE)


def test_an_upsampling_between_neighbours_is_refused():
    with pytest.raises(NotLocalError, match="interpolate"):
        record(shake(WideView()), SAMPLE)


@pytest.mark.parametrize(
    "function",
    [
        lambda _, x: functional.dropout(x, 0.5, False),
        lambda _, x: 2 * x + 1,
        lambda _, x: x.repeat(1, 2, 1, 1, 1),
        lambda own, x: x * own.conv.bias.reshape(1, 2, 1, 1, 1),
        lambda _, x: functional.leaky_relu(x.add_(1), 0.1, True),
        lambda _, x: functional.pad(torch.tanh(x), (0,) * 6),
        lambda _, x: (functional.elu(x, inplace=True), x),
    ],
)
def test_what_treats_all_places_alike_is_computed_as_it_is(function):
    network = Applied(function).eval()
    graph, image = record(network, SAMPLE), torch.randn(1, 1, 8, 8, 8)
    values = {0: image}
    for number, node in graph.nodes.items():
        if node.op is not None:
            parts = [values[taken] for taken in node.inputs]
            place = tuple((0, side) for side in image.shape[2:])
            values[number] = node.op.compute(parts, place, (8, 8, 8), spare=False)
    with torch.no_grad():
        expected = network(image)
    expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(values[graph.output], expected)


def test_sizes_follow_from_the_input():
    graph = record(registered("dynunet", filters=[4, 4, 4], norm="BATCH").network, SAMPLE)
    assert graph.shapes((8, 16, 24))[graph.output] == (8, 16, 24)
    assert (2, 4, 6) in graph.shapes((8, 16, 24)).values()


def test_half_precision_is_of_the_convolutions():
    graph = record(shake(SmallNet3D()), SAMPLE)
    assert graph.dtype is torch.float32
    assert graph.to(torch.bfloat16).dtype is torch.bfloat16
