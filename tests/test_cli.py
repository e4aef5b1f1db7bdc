from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from napari_selfreg import console
from napari_selfreg.cli import app
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io import models, terms
from napari_selfreg.io.bundle import read_card, sha256
from tests.bundles import tiny_bundle

COMMANDS = ["demo", "models", "segment", "evaluate", "train", "doctor"]


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep logs and settings of the tests out of the person's folders."""
    private = tmp_path / "private"
    monkeypatch.setattr(console, "log_folder", lambda: private / "logs")
    monkeypatch.setattr(terms, "settings_folder", lambda: private / "settings")
    monkeypatch.setattr(terms, "_shown_here", set())
    return private


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled models with one tiny, untrained ``glands``."""
    folder = tmp_path / "models"
    folder.mkdir()
    path = tiny_bundle(folder / "glands.safetensors", name="glands")
    (folder / "SHA256SUMS").write_text(f"{sha256(path)}  {path.name}\n")
    monkeypatch.setattr(models, "MODELS_FOLDER", folder)
    return folder


def picture(path: Path, height: int = 40, width: int = 48, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def faults(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("Error:")]


# --- help and usage ---------------------------------------------------------------------------


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from napari_selfreg.cli import app
for command in {COMMANDS}:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "--json" in result.output
    assert (command in ("models", "doctor")) == ("--device" not in result.output), command
result = CliRunner().invoke(app, ["-h"])
assert all(command in result.output for command in {COMMANDS})
heavy = [name for name in ("torch", "monai", "napari", "qtpy", "numpy") if name in sys.modules]
assert heavy == [], heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "napari_selfreg", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    from napari_selfreg import __version__

    assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment"],
        ["segment", "a.png"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "0"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "nan"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "wide"],
        ["evaluate", "--images", "i"],
        ["evaluate", "--images", "i", "--labels", "l", "--protocol", "imagenet"],
        ["train", "r.toml", "--data", "d"],
        ["models", "--colour"],
        ["nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


# --- the window -------------------------------------------------------------------------------


def test_alone_the_command_opens_the_workbench(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    workbench = ModuleType("napari_selfreg.widgets.workbench")
    workbench.launch = lambda: opened.append(True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, workbench.__name__, workbench)
    monkeypatch.setenv("DISPLAY", ":5")
    assert run().exit_code == 0
    assert opened == [True]


def test_without_screen_or_qt_the_window_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_selfreg.commands.sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = run()
    assert result.exit_code == 1
    assert "no screen" in result.stderr
    monkeypatch.setenv("DISPLAY", ":5")
    monkeypatch.setitem(sys.modules, "napari_selfreg.widgets.workbench", None)
    assert run().exit_code == 1  # an import that fails otherwise is no matter of Qt


# --- models and doctor ------------------------------------------------------------------------


def test_models_are_listed_for_people_and_machines(shelf: Path) -> None:
    (listed,) = json.loads(run("models", "--json").stdout)
    path = shelf / "glands.safetensors"
    assert set(listed) == {
        "name",
        "path",
        "classes",
        "um_per_px",
        "architecture",
        "licence",
        "sha256",
        "bytes",
        "metrics",
    }
    assert listed["path"] == str(path)
    assert listed["classes"] == ["gland"]
    assert listed["um_per_px"] == 1.0
    assert listed["sha256"] == sha256(path)
    assert listed["bytes"] == path.stat().st_size
    shown = run("models").stdout
    assert "glands" in shown
    assert "CC-BY-4.0" in shown


def test_pixels_that_are_not_square_are_listed_per_axis(shelf: Path) -> None:
    tiny_bundle(shelf / "glands.safetensors", name="glands", um_per_px=[1.0, 0.5])
    (listed,) = json.loads(run("models", "--json").stdout)
    assert listed["um_per_px"] == [1.0, 0.5]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("fault", 1)])
def test_the_doctor_fails_only_when_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, status: Any, code: int
) -> None:
    from napari_selfreg.engine import doctor
    from napari_selfreg.engine.finding import Finding

    finding = Finding("device cuda", status, "no GPU", "buy one")
    monkeypatch.setattr(doctor, "examine", lambda tell: [finding])
    result = run("doctor", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout) == {"ok": code == 0, "checks": [finding.to_dict()]}
    shown = run("doctor").stdout
    assert "no GPU" in shown
    assert "buy one" in shown


# --- segment ----------------------------------------------------------------------------------

KEYS = {"image", "objects", "seconds", "megapixels_per_second", "outputs"}


def test_segment_writes_three_files_and_describes_them(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    output = tmp_path / "out"
    result = run("segment", image, "--output", output, "--um-per-px", 1, "--json")
    assert result.exit_code == 0, result.stderr
    (document,) = json.loads(result.stdout)
    assert set(document) >= KEYS
    assert document["image"] == str(image)
    assert {kind: Path(path).name for kind, path in document["outputs"].items()} == {
        "objects": "field_objects.tif",
        "geojson": "field_objects.geojson",
        "measurements": "field_measurements.csv",
    }
    assert sorted(path.name for path in output.iterdir()) == sorted(
        Path(path).name for path in document["outputs"].values()
    )
    assert document["megapixels_per_second"] == pytest.approx(
        40 * 48 / 1e6 / document["seconds"], rel=0.05
    )


def test_a_missing_pixel_size_is_warned_about_once_on_stderr(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("pixel size") == 1
    assert len(json.loads(result.stdout)) == 1


def test_the_same_warning_of_many_images_is_told_once_and_counted(
    shelf: Path, tmp_path: Path
) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    result = run("segment", *images, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.count("pixel size") == 2
    assert "a.png states no pixel size" in result.stderr
    assert "The same holds for 2 more images" in result.stderr


def test_folders_are_segmented_and_shown_as_a_table(shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    for number in (10, 2):
        picture(folder / f"f{number}.png", seed=number)
    result = run("segment", folder, "--output", tmp_path / "out", "--um-per-px", 1)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.index("f2.png") < result.stdout.index("f10.png")


def test_one_bad_image_does_not_stop_the_others(shelf: Path, tmp_path: Path) -> None:
    good = [picture(tmp_path / "a.png"), picture(tmp_path / "z.png", seed=1)]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:60])
    result = run(
        "segment", good[0], bad, good[1], "--output", tmp_path / "out", "--um-per-px", 1, "--json"
    )
    assert result.exit_code == 1
    assert [Path(entry["image"]).name for entry in json.loads(result.stdout)] == ["a.png", "z.png"]
    (fault,) = faults(result)
    assert "bad.png" in fault
    assert "1 of 3 images failed" in result.stderr
    assert not list((tmp_path / "out").glob("bad*"))


def test_an_unforeseen_fault_in_one_image_does_not_stop_the_others(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_folders: Path
) -> None:
    from napari_selfreg.engine import segment as engine

    real = engine.segment

    def flaky(request: Any) -> Generator[Event, None, Any]:
        if Path(request.image_path).name == "b.png":
            raise RuntimeError("mat1 and mat2")
        return (yield from real(request))

    monkeypatch.setattr(engine, "segment", flaky)
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    result = run("segment", *images, "--output", tmp_path / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 2
    (fault,) = faults(result)
    assert "b.png" in fault
    (log,) = (private_folders / "logs").iterdir()
    assert str(log) in fault


def test_an_output_that_cannot_be_written_ends_the_run(shelf: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    images = [picture(tmp_path / f"{name}.png") for name in "ab"]
    result = run("segment", *images, "--output", blocked / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 1
    assert len(faults(result)) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.png"], "absent.png"),
        (["field.png", "--model", "nuclei"], "'nuclei'"),
        (["field.png", "--model", "field.png"], "field.png"),
        (["field.png", "--model", "renamed.safetensors"], "run code"),
        (["field.png", "--device", "gpu"], "'gpu'"),
        (["field.png", "--device", "cuda:x"], "'cuda:x'"),
        (["field.png", "again/field.tif"], "--output"),
        (["empty"], "empty"),
    ],
)
def test_what_cannot_work_fails_before_anything_is_written(
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "again").mkdir()
    (tmp_path / "empty").mkdir()
    picture(tmp_path / "field.png")
    picture(tmp_path / "again" / "field.tif")
    (tmp_path / "renamed.safetensors").write_bytes(b"PK\x03\x04" + b"x" * 100)
    result = run("segment", *arguments, "--output", "out", "--json")
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert words in fault
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_research_only_terms_are_shown_once(shelf: Path, tmp_path: Path) -> None:
    tiny_bundle(
        shelf / "study.safetensors", name="study", research_only=True, terms="No commerce, please."
    )
    image = picture(tmp_path / "field.png")
    command = ["segment", image, "--model", "study", "--output", tmp_path / "o", "--um-per-px", 1]
    first, second = run(*command, "--json"), run(*command, "--json")
    assert first.stderr.count("No commerce, please.") == 1
    assert "No commerce" not in second.stderr
    assert json.loads(first.stdout)


def test_terms_that_cannot_be_remembered_are_no_fault(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(terms, "settings_folder", lambda: blocked / "settings")
    path = tiny_bundle(tmp_path / "study.safetensors", research_only=True, terms="Study only.")
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--model", path, "--output", tmp_path / "o", "--um-per-px", 1)
    assert result.exit_code == 0
    assert "Study only." in result.stderr


# --- evaluate ---------------------------------------------------------------------------------


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, Path]:
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number in range(2):
        picture(images / f"f{number}.png", seed=number)
        truth = np.zeros((40, 48), np.uint8)
        truth[5:20, 5:20] = 255
        Image.fromarray(truth).save(labels / f"f{number}_mask.png")
    return images, labels


@pytest.mark.parametrize("protocol", ["native", "uctransnet224"])
def test_evaluate_gives_means_and_intervals(
    shelf: Path, labelled: tuple[Path, Path], tmp_path: Path, protocol: str
) -> None:
    images, labels = labelled
    table = tmp_path / "scores.csv"
    command = ["evaluate", "--images", images, "--labels", labels, "--um-per-px", 1]
    result = run(*command, "--protocol", protocol, "--output", table, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["n"], document["protocol"]) == (2, protocol)
    names = ["dice", "iou", "object_f1", "object_dice", "object_hausdorff", "aji", "pq"]
    assert list(document["metrics"]) == names
    assert all(set(value) == {"mean", "low", "high"} for value in document["metrics"].values())
    with table.open() as stream:
        assert len(list(csv.DictReader(stream))) == 2


def test_evaluate_shows_a_table_to_people(shelf: Path, labelled: tuple[Path, Path]) -> None:
    images, labels = labelled
    result = run("evaluate", "--images", images, "--labels", labels, "--um-per-px", 1)
    assert result.exit_code == 0, result.stderr
    assert "object_f1" in result.stdout
    assert "2 images, protocol native" in result.stdout


def test_labels_without_images_are_a_fault(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("evaluate", "--images", tmp_path / "empty", "--labels", tmp_path / "empty")
    assert result.exit_code == 1
    assert len(faults(result)) == 1


# --- train ------------------------------------------------------------------------------------


@pytest.fixture
def fake_training(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace recipe and training by quick ones; returns the requests made."""
    from napari_selfreg.engine import recipe, train

    requests: list[Any] = []

    def job(request: Any) -> Generator[Event, None, Any]:
        requests.append(request)
        try:
            yield Progress(1, 2, "Training")
            if request.resume:
                raise KeyboardInterrupt
            tiny_bundle(request.output)
            return train.TrainResult(request.output, read_card(request.output))
        finally:
            requests.append("closed")

    monkeypatch.setattr(train, "train", job)
    monkeypatch.setattr(recipe, "load_recipe", lambda path: f"recipe of {path}")
    return requests


def test_train_passes_its_options_on_and_describes_the_model(
    fake_training: list[Any], tmp_path: Path
) -> None:
    target = tmp_path / "new.safetensors"
    result = run(
        "train", "r.toml", "--data", tmp_path, "--output", target, "--device", "cpu", "--json"
    )
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["path"] == str(target)
    assert document["name"] == "tiny"
    request = fake_training[0]
    assert request.recipe == "recipe of r.toml"
    assert (request.data, request.output, request.resume, request.device) == (
        tmp_path,
        target,
        False,
        "cpu",
    )
    plain = run("train", "r.toml", "--data", tmp_path, "--output", target)
    assert str(target) in plain.stdout


def test_ctrl_c_in_training_exits_with_130_and_closes_the_job(
    fake_training: list[Any], tmp_path: Path
) -> None:
    target = tmp_path / "new.safetensors"
    result = run("train", "r.toml", "--data", tmp_path, "--output", target, "--resume", "--json")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert fake_training[-1] == "closed"


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for content in (None, "name = [", "surprise = 1"):
        path = tmp_path / "recipe.toml"
        if content is not None:
            path.write_text(content)
        result = run("train", path, "--data", tmp_path, "--output", tmp_path / "m.safetensors")
        assert result.exit_code == 1, result.stderr
        (fault,) = faults(result)
        assert "recipe.toml" in fault


# --- demo -------------------------------------------------------------------------------------


def test_the_demo_needs_no_input(shelf: Path, tmp_path: Path) -> None:
    output = tmp_path / "demo_output"
    result = run("demo", "--output", output, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document) >= 2
    for entry in document:
        assert set(entry) >= KEYS
        assert all(Path(path).is_file() for path in entry["outputs"].values())
    names = {path.name for path in output.iterdir()}
    assert names == {"preview.png"} | {
        Path(path).name for entry in document for path in entry["outputs"].values()
    }
    assert "pixel size" not in result.stderr
    with Image.open(output / "preview.png") as preview:
        assert preview.width > 1000
    shown = run("demo", "--output", output)
    assert "preview.png" in shown.stdout
