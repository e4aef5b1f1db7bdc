"""The meaning of a network's output channels."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.nets.outputs import output_channels, to_probabilities


@pytest.mark.parametrize(
    ("classes", "separation", "channels"), [(1, None, 2), (1, "contour", 3), (4, "contour", 6)]
)
def test_channels_are_background_classes_and_contour(classes, separation, channels):
    assert output_channels(classes, separation) == channels
    logits = torch.randn(2, channels, 4, 5)
    result = to_probabilities(logits, classes, separation)
    assert result.shape == (2, channels - 1, 4, 5)


def test_classes_share_a_softmax_and_the_contour_stands_alone():
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0]).reshape(1, 4, 1, 1)
    result = to_probabilities(logits, 2, "contour").flatten()
    shares = torch.tensor([0.0, 1.0, 2.0]).softmax(0)
    torch.testing.assert_close(result[:2], shares[1:])
    torch.testing.assert_close(result[2], torch.tensor(-1.0).sigmoid())


def test_probabilities_are_float32_whatever_the_logits():
    logits = torch.randn(1, 2, 3, 3, dtype=torch.bfloat16)
    assert to_probabilities(logits, 1, None).dtype == torch.float32


def test_volumes_work_too():
    assert to_probabilities(torch.randn(1, 3, 2, 4, 5), 1, "contour").shape == (1, 2, 2, 4, 5)


def test_a_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="expected 3 output channels, the network gave 2"):
        to_probabilities(torch.zeros(1, 2, 1, 1), 1, "contour")
