from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.source_picker import A_FILE, NOTHING, SourcePicker
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import BLOCKS, write_network


@pytest.fixture
def picker(qtbot, tmp_path: Path) -> SourcePicker:
    models = {name: write_network(tmp_path, name) for name in ("one", "two")}
    made = SourcePicker(models, none=True)
    qtbot.addWidget(made)
    made.offer(None)
    return made


def test_models_can_be_chosen_and_nothing_too(picker, qtbot) -> None:
    assert picker.value() is None
    assert picker.currentText() == NOTHING
    with qtbot.waitSignal(picker.sourceChanged):
        picker.setValue("two")
    assert picker.value().blocks == tuple(BLOCKS)
    picker.offer(None)
    assert picker.value().name == "two"
    picker.setValue("")
    assert picker.value() is None


def test_a_file_can_be_chosen_and_a_broken_one_is_told(
    picker, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    chosen = [str(broken), str(write_network(tmp_path, "mine")), ""]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (chosen.pop(0), ""))
    with qtbot.waitSignal(picker.told) as told:
        picker.setCurrentIndex(picker.findText(A_FILE))
    assert "broken" in told.args[0]
    assert picker.value() is None
    picker.setCurrentIndex(picker.findText(A_FILE))
    assert picker.value().name == "mine"
    picker.setCurrentIndex(picker.findText(A_FILE))
    assert picker.value().name == "mine"


def test_a_file_that_is_listed_already_is_chosen_there(picker, tmp_path: Path) -> None:
    count = picker.count()
    picker.add_file(tmp_path / "two.safetensors")
    assert picker.count() == count
    assert picker.value().name == "two"
    mine = write_network(tmp_path, "mine")
    picker.add_file(mine)
    picker.setValue("one")
    picker.add_file(mine)
    assert picker.count() == count + 1
    assert picker.value().name == "mine"


def test_a_chosen_file_outlives_a_new_list(picker, qtbot, tmp_path: Path) -> None:
    picker.add_file(write_network(tmp_path, "mine"))
    picker.offer(None)
    assert picker.value().name == "mine"
    assert [each.name for each in picker.sources()] == ["mine", "one", "two"]


def test_a_model_that_is_gone_gives_way_to_the_first(picker, tmp_path: Path) -> None:
    picker.setValue("two")
    picker._models = {"one": tmp_path / "one.safetensors"}
    picker.offer(None)
    assert picker.value() is None  # which is the first entry here
    assert picker.currentText() == NOTHING


def test_networks_that_are_no_files_come_first(qtbot, tmp_path: Path) -> None:
    network = Source("Mine", make_card(name="mine"), SimpleNamespace())
    made = SourcePicker({"one": write_network(tmp_path, "one")}, extra=[network])
    qtbot.addWidget(made)
    assert made.value() is None
    made.offer(None)
    assert made.value() is network
    made.setValue("one")
    made.choose(network)
    assert made.value() is network
    made.setValue("nowhere")
    assert made.value() is network


def test_only_another_choice_is_announced(picker) -> None:
    heard: list[str] = []
    picker.sourceChanged.connect(lambda: heard.append(picker.currentText()))
    picker.setValue("one")
    picker.setValue("one")
    picker.setValue("nowhere")
    assert len(heard) == 1


def test_long_titles_are_read_in_their_tooltips(qtbot, tmp_path: Path) -> None:
    title = "Glands of the colon, resections and biopsies, trained with everything"
    made = SourcePicker({"one": write_network(tmp_path, "one", title=title)})
    qtbot.addWidget(made)
    made.offer(None)
    assert made.itemData(0, Qt.ItemDataRole.ToolTipRole) == title
    assert made.minimumSizeHint().width() < 250


def test_a_model_of_volumes_is_offered_too(qtbot, tmp_path: Path) -> None:
    path = write_network(tmp_path, "solid", spatial_dims=3, um_per_px=(1.0, 1.0, 1.0))
    made = SourcePicker({"solid": path})
    qtbot.addWidget(made)
    made.offer(None)
    assert made.value().card.spatial_dims == 3


def test_without_models_there_is_a_file_to_choose_only(qtbot) -> None:
    made = SourcePicker({})
    qtbot.addWidget(made)
    made.offer(None)
    assert made.value() is None
    assert made.currentIndex() == -1  # nothing is chosen by itself, least of all the dialog
    assert made.findText(A_FILE) == made.count() - 1


def test_a_closed_dialog_leaves_the_choice(picker, monkeypatch: pytest.MonkeyPatch) -> None:
    picker.setValue("two")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    picker.setCurrentIndex(picker.findText(A_FILE))
    assert (picker.value().name, picker.currentText()) == ("two", picker.value().label)
