from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.io import models
from napari_selfreg.io.bundle import read_card, sha256


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inside = tmp_path / "package"
    inside.mkdir()
    for name in ("aaa", "glands", "zzz"):
        (inside / f"{name}.safetensors").write_text(name)
    (inside / "SHA256SUMS").write_text("ab12  glands.safetensors\ncd34 *zzz.safetensors\n")
    monkeypatch.setattr(models, "MODELS_FOLDER", inside)
    return inside


def test_the_default_model_comes_first(folder: Path) -> None:
    assert list(models.bundled_models()) == ["glands", "aaa", "zzz"]


def test_a_bundled_name_wins_over_a_file_of_that_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "glands").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert models.find_model("glands") == folder / "glands.safetensors"
    assert models.find_model("./glands").read_text() == "mine"
    assert models.find_model(Path("glands")).read_text() == "mine"


def test_an_unknown_name_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(BadModelError, match=r"'nuclei'.*glands, aaa, zzz"):
        models.find_model("nuclei")


def test_a_home_that_does_not_exist_is_an_unknown_model(folder: Path) -> None:
    with pytest.raises(BadModelError, match="~nobody-at-all/x"):
        models.find_model("~nobody-at-all/x")


def test_recorded_hashes_are_read_in_both_forms(folder: Path) -> None:
    assert models.recorded_hashes() == {"glands.safetensors": "ab12", "zzz.safetensors": "cd34"}
    (folder / "SHA256SUMS").unlink()
    assert models.recorded_hashes() == {}


def test_bundled_models_match_their_cards_and_hashes() -> None:
    hashes = models.recorded_hashes()
    files = models.bundled_models()
    assert set(hashes) == {path.name for path in files.values()}
    for name, path in files.items():
        assert read_card(path).name == name
        assert sha256(path) == hashes[path.name]
    assert sum(path.stat().st_size for path in files.values()) <= 40e6
