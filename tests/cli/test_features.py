from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from napari_selfreg.engine import features as job
from napari_selfreg.engine.bundles import save_bundle
from napari_selfreg.engine.skeleton import build_from_card
from napari_selfreg.nets.registry import tap_spec
from tests.bundles import example_card, tiny_bundle
from tests.cli.shell import faults, picture, run

FIGURE = {f"figure.{kind}" for kind in ("pdf", "svg", "png", "npz", "py")}


@pytest.fixture
def command(shelf: Path, tmp_path: Path) -> list[object]:
    """The bundled model against a file, on one image."""
    other = tiny_bundle(tmp_path / "other.safetensors", seed=1, name="mine", um_per_px=[2.0, 2.0])
    image = picture(tmp_path / "field.png", 64, 80)
    return [
        *("features", image, "--versus", other, "--output", tmp_path / "out"),
        *("--um-per-px", 1, "--blocks", "E1, B", "--device", "cpu"),
    ]


def test_everything_lies_flat_in_the_folder(command: list[object], tmp_path: Path) -> None:
    result = run(*command, "--width-mm", 120, "--dpi", 60, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert list(document) == ["image", "um_per_px", "um_per_px_source", "models", "outputs"]
    assert [model["model"] for model in document["models"]] == ["glands", "mine"]
    maps = {f"{name}_{block}.ome.tif" for name in ("glands", "mine") for block in ("E1", "B")}
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {*maps, *FIGURE, "numbers.csv"}
    with (tmp_path / "out" / "numbers.csv").open() as stream:
        rows = [(row["model"], row["block"]) for row in csv.DictReader(stream)]
    assert rows == [("glands", "E1"), ("glands", "B"), ("mine", "E1"), ("mine", "B")]


def test_people_get_a_table(command: list[object]) -> None:
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert "effective_rank" in result.stdout
    assert "figure.pdf" in result.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--blocks", "E1,X3"), "no block 'X3'"),
        (("--blocks", ","), "without a block"),
        (("--model", "nowhere"), "nowhere"),
        (("--versus", "nowhere"), "nowhere"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_a_fault_is_one_sentence(
    command: list[object], change: tuple[str, str], words: str
) -> None:
    result = run(*command, *change)
    assert result.exit_code == 1
    assert result.stdout == ""
    (sentence,) = faults(result)
    assert words in sentence


def test_a_block_that_only_the_second_model_lacks_is_told_before_any_computing(
    command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"channels": [4, 8, 16]}
    card = example_card(name="shallow", architecture="attention_unet", architecture_args=arguments)
    shallow = tmp_path / "shallow.safetensors"
    save_bundle(build_from_card(card), tap_spec("attention_unet", **arguments), card, shallow)
    monkeypatch.setattr(job, "look", lambda asked: pytest.fail("it has computed"))
    result = run(*command, "--versus", shallow, "--blocks", "E1,E4")
    assert result.exit_code == 1
    assert faults(result) == [
        "Error: The model 'shallow' has no block 'E4': it has E1, E2, B, D2, D1."
    ]
    assert not list((tmp_path / "out").glob("*"))


def test_an_image_that_is_not_there(command: list[object], tmp_path: Path) -> None:
    result = run(command[0], tmp_path / "absent.png", *command[2:])
    assert result.exit_code == 1
    assert "absent.png" in faults(result)[0]


@pytest.mark.parametrize("option", ["--width-mm", "--dpi", "--um-per-px"])
def test_sizes_are_positive(command: list[object], option: str) -> None:
    result = run(*command, option, 0)
    assert result.exit_code == 2
    assert "above 0" in result.stderr


def test_help_says_what_the_document_holds() -> None:
    result = run("features", "--help")
    assert result.exit_code == 0
    assert "numbers" in result.stdout
    assert run("features", "a.png").exit_code == 2


@pytest.mark.parametrize("name", ["figure.png", "glands_E1.ome.tif"])
def test_the_image_is_never_replaced(shelf: Path, tmp_path: Path, name: str) -> None:
    image = picture(tmp_path / name)
    before = image.read_bytes()
    result = run("features", image, "--output", tmp_path, "--um-per-px", 1)
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert "would be replaced" in fault
    assert image.read_bytes() == before
