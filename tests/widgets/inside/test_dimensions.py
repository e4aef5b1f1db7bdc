from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.inside.dimensions import (
    job_for,
    reason_not_to_follow,
    scale_words,
    seen_words,
)
from napari_selfreg.widgets.inside.looking import Looked, Source, Target, run_look
from napari_selfreg.widgets.volume.inside import NO_FOLLOWING, run_volume_look
from napari_selfreg.widgets.volume.layers import volume_of
from tests.widgets.fakes import make_card


def test_two_models_are_told_apart_and_a_scale_is_named_once(looked: Looked) -> None:
    assert scale_words(looked) == (
        "Seen at 1 µm per pixel; each square is one value of a block. "
        "Of every block, first a and then b."
    )
    alone = replace(looked, insides=looked.insides[:1])
    assert scale_words(alone).endswith("one value of a block.")


@pytest.mark.parametrize(
    ("classes", "said"), [(("gland",), False), (("anterior", "posterior"), True)]
)
def test_of_several_classes_it_is_said_which_attention_is_for(
    looked: Looked, classes: tuple[str, ...], said: bool
) -> None:
    sources = (Source("a", make_card(classes=classes), Path("a")),)
    asked = replace(looked, request=replace(looked.request, sources=sources, target=Target()))
    words = " Attention is for anterior, the first class."
    assert seen_words(asked) == scale_words(asked) + (words if said else "")
    unasked = replace(asked, request=replace(asked.request, target=None))
    assert seen_words(unasked) == scale_words(unasked)


def test_volumes_have_a_job_of_their_own_and_are_seen_whole(
    looked: Looked, field: np.ndarray
) -> None:
    viewer = ViewerModel()
    picture = viewer.add_image(field, rgb=True)
    volume = viewer.add_image(np.zeros((3, 4, 5)))
    seen = replace(looked.request, picture=volume_of(volume))
    assert job_for(looked.request, run_look) is run_look
    assert job_for(seen, run_look) is run_volume_look
    assert reason_not_to_follow(volume) == NO_FOLLOWING
    assert not reason_not_to_follow(picture)
    assert not reason_not_to_follow(None)
