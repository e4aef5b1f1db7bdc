from __future__ import annotations

import pytest

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.widgets.object_sliders import NumberSlider, ObjectSliders

OWN = PostProcessing(0.5, 400, 300, 0.5)


@pytest.fixture
def sliders(qtbot) -> ObjectSliders:
    widget = ObjectSliders()
    qtbot.addWidget(widget)
    widget.setModel(OWN, typical_um2=6000)
    return widget


def test_what_has_no_slider_is_kept(sliders: ObjectSliders) -> None:
    assert sliders.value() == OWN
    other = PostProcessing(0.35, 25, 1, 0)
    sliders.setValue(other)
    assert sliders.value() == other


def test_what_was_not_moved_is_not_rounded(sliders: ObjectSliders) -> None:
    exact = PostProcessing(0.3456, 12.34, 1, 0.1234)
    sliders.setValue(exact)
    assert sliders.value() == exact
    sliders.separation.setValue(0.5)
    assert sliders.value() == PostProcessing(0.3456, 12.34, 1, 0.5)


def test_setting_tells_nobody_moving_does(sliders: ObjectSliders, qtbot) -> None:
    with qtbot.assertNotEmitted(sliders.valueChanged):
        sliders.setValue(PostProcessing(0.7, 10, 10, 0.2))
        sliders.setModel(OWN, None)
    with qtbot.waitSignal(sliders.valueChanged):
        sliders.threshold.slider.setValue(150)
    assert sliders.value().threshold == pytest.approx(0.725, abs=0.006)


def test_back_to_the_model_in_one_click(sliders: ObjectSliders, qtbot) -> None:
    assert not sliders.reset.isEnabled()
    sliders.separation.number.setValue(1)
    assert sliders.reset.isEnabled()
    with qtbot.waitSignal(sliders.valueChanged):
        sliders.reset.click()
    assert sliders.value() == OWN


def test_a_result_beyond_the_range_widens_it(sliders: ObjectSliders) -> None:
    sliders.setValue(PostProcessing(0.5, 50_000, 0, 0.5))
    assert sliders.value().min_area_um2 == 50_000


def test_small_sizes_have_more_room(qtbot) -> None:
    part = NumberSlider("Smallest", "tip", 0, 10_000, decimals=0, fine=True)
    qtbot.addWidget(part)
    part.slider.setValue(100)
    assert part.value() == 2500
    part.setValue(100)
    assert part.slider.value() == 20


def test_a_typed_number_is_exact(qtbot) -> None:
    part = NumberSlider("Threshold", "tip", 0.05, 0.95)
    qtbot.addWidget(part)
    with qtbot.waitSignal(part.valueChanged):
        part.number.setValue(0.33)
    assert part.value() == pytest.approx(0.33)
    assert part.slider.accessibleName() == "Threshold"
