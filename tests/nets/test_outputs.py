"""The meaning of a network's output channels."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.outputs import (
    main_logits,
    one_logits,
    output_channels,
    to_probabilities,
)

IMAGES, LOGITS = torch.zeros(2, 3, 8, 6), torch.zeros(2, 2, 8, 6)


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


@pytest.mark.parametrize("output", [LOGITS, [LOGITS, LOGITS[..., ::2, ::2]], (LOGITS, {})])
def test_the_first_of_several_outputs_is_of_full_size(output):
    assert main_logits(output, IMAGES, 2) is LOGITS


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"out": LOGITS}, "a dict where one tensor"),
        ([], "a list"),
        (LOGITS[..., ::2, ::2], r"\(2, 2, 4, 3\) where one tensor of logits \(N, 2, 8, 6\)"),
        (LOGITS[None], "shape"),
        (LOGITS[:, :1], "shape"),
    ],
)
def test_what_is_no_logits_is_told(output, told):
    with pytest.raises(BadModelError, match=told):
        main_logits(output, IMAGES, 2)


def test_training_needs_one_tensor():
    assert one_logits(LOGITS, IMAGES) is LOGITS
    with pytest.raises(
        BadModelError, match=r"a list .* \(N, K, 8, 6\) .* without deep supervision"
    ):
        one_logits([LOGITS], IMAGES)
