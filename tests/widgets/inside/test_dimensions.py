from __future__ import annotations

from dataclasses import replace

import numpy as np
from napari.components import ViewerModel

from napari_selfreg.widgets.inside.dimensions import job_for, reason_not_to_follow, scale_words
from napari_selfreg.widgets.inside.looking import Looked, run_look
from napari_selfreg.widgets.volume.inside import NO_FOLLOWING, run_volume_look
from napari_selfreg.widgets.volume.layers import volume_of


def test_two_models_are_told_apart_and_a_scale_is_named_once(looked: Looked) -> None:
    assert scale_words(looked) == (
        "Seen at 1 µm per pixel; each square is one value of a block. "
        "Of every block, first a and then b."
    )
    alone = replace(looked, insides=looked.insides[:1])
    assert scale_words(alone).endswith("one value of a block.")


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
