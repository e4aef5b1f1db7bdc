from __future__ import annotations

import gc
import weakref

from napari.components import ViewerModel

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.shared import shared_for
from tests.widgets.fakes import make_card


def test_all_panels_of_a_viewer_meet_in_one_place(make_napari_viewer_proxy, qapp) -> None:
    viewer = make_napari_viewer_proxy()
    shared = shared_for(viewer)
    assert shared_for(viewer) is shared
    assert shared_for(viewer.__wrapped__) is shared
    assert shared_for(ViewerModel()) is not shared


def test_it_keeps_no_viewer_alive(qapp) -> None:
    viewer = ViewerModel()
    shared = weakref.ref(shared_for(viewer))
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None
    assert shared() is None


def test_another_model_is_announced_once(qapp, qtbot) -> None:
    shared = shared_for(viewer := ViewerModel())
    seen: list[object] = []
    shared.cardChanged.connect(lambda: seen.append(shared.card))
    card = make_card()
    shared.set_card(card)
    shared.set_card(make_card())
    assert seen == [card]
    shared.set_card(None)
    assert seen == [card, None]
    assert viewer is not None


def test_a_pixel_size_is_remembered_by_folder(qapp, tmp_path) -> None:
    shared = shared_for(viewer := ViewerModel())
    assert shared.remembered_pixel_size(tmp_path / "a.png") is None
    shared.remember_pixel_size(tmp_path / "a.png", PixelSize(0.5, 0.25))
    assert shared_for(ViewerModel()).remembered_pixel_size(tmp_path / "b.png") == PixelSize(
        0.5, 0.25
    )
    assert viewer is not None
