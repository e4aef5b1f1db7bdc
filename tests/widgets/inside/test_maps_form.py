from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_selfreg.widgets.inside.kinds import KINDS, kind_of
from napari_selfreg.widgets.inside.map_layers import OPACITY
from napari_selfreg.widgets.inside.maps_form import HINT, MapsForm


@pytest.fixture
def form(qtbot) -> MapsForm:
    made = MapsForm()
    qtbot.addWidget(made)
    return made


def test_energy_is_shown_at_first(form) -> None:
    assert form.kind() == kind_of("energy")
    assert form.legend.text() == "weak … strong"
    assert form.opacity.value() == round(OPACITY * 100)
    assert not form.side_by_side.isChecked()
    assert not form.follow.isChecked()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_only_what_belongs_to_a_kind_is_seen(form, qtbot, kind) -> None:
    if kind.name == "energy":
        form.setKind("scr")
    with qtbot.waitSignal(form.kindChanged):
        form.setKind(kind.name)
    assert form.kind() == kind
    assert form.channels.isVisibleTo(form) == (kind.name == "channel")
    assert form.target.isVisibleTo(form) == (kind.name == "attention")
    assert form.hint.isVisibleTo(form) == (kind.name == "similarity")
    assert form.hint.text() == (HINT if kind.name == "similarity" else "")
    assert form.legend.toolTip() == form.kinds.toolTip() == kind.tip


def test_the_list_explains_every_kind(form) -> None:
    tips = [form.kinds.itemData(row, Qt.ItemDataRole.ToolTipRole) for row in range(len(KINDS))]
    assert tips == [kind.tip for kind in KINDS]
    assert [form.kinds.itemText(row) for row in range(len(KINDS))] == [k.title for k in KINDS]


def test_the_opacity_is_told_as_a_share(form) -> None:
    heard: list[float] = []
    form.opacityChanged.connect(heard.append)
    form.opacity.setValue(25)
    form.opacity.setValue(0)  # never nothing: a map that cannot be seen looks like a fault
    assert heard == [0.25, 0.05]


def test_the_same_kind_again_is_no_change(form) -> None:
    heard: list[None] = []
    form.kindChanged.connect(lambda: heard.append(None))
    form.setKind("energy")
    assert heard == []
    form.setKind("pca")
    assert len(heard) == 1


def test_the_wheel_scrolls_the_panel_and_changes_nothing(form, qtbot) -> None:
    form.show()
    for part in (form.kinds, form.target, form.opacity, form.channels.slider):
        before = part.currentIndex() if hasattr(part, "currentIndex") else part.value()
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(part.mapToGlobal(QPoint(5, 5))),
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(part, event)
        after = part.currentIndex() if hasattr(part, "currentIndex") else part.value()
        assert after == before
        assert not event.isAccepted()


def test_every_control_has_a_name_and_a_tip(form) -> None:
    for part in (form.kinds, form.target, form.opacity):
        assert part.accessibleName()
    for part in (form.opacity, form.side_by_side, form.follow, form.clear_button, form.target):
        assert part.toolTip()


def test_it_is_no_wider_than_a_dock(form) -> None:
    form.blocks.setBlocks(("E1", "E2", "E3", "E4", "B", "D4", "D3", "D2", "D1"))
    for kind in KINDS:
        form.setKind(kind.name)
        assert form.minimumSizeHint().width() <= 340


def test_the_blocks_of_a_network_come_and_the_choice_of_how_many(form) -> None:
    form.blocks.setBlocks(("E1", "B", "D1"))
    assert form.blocks.value() == ("D1",)
    form.setKind("scr")  # another kind is no reason to choose another block
    form.setKind("pca")
    assert form.blocks.value() == ("D1",)
    assert form.legend.text() == kind_of("pca").ends[0]


def test_attention_carries_its_caveat_where_it_is_chosen(form) -> None:
    form.setKind("attention")
    assert "how Grad-CAM works" in form.kinds.toolTip()
    form.setKind("energy")
    assert "Grad-CAM" not in form.kinds.toolTip()
