"""What the documents say is true: code runs, links lead somewhere, tables follow the cards."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.card import MetricRecord

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def python_blocks() -> list[str]:
    """Return the Python of the README, in order."""
    return re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def line_count(block: str) -> int:
    """Count the lines that hold something."""
    return sum(bool(line.strip()) for line in block.splitlines())


def test_the_jobs_of_the_readme_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    import napari_selfreg

    started: list[str] = []

    def note(job: Any) -> None:
        started.append(job.__name__)
        job.close()

    monkeypatch.chdir(ROOT / "recipes")
    monkeypatch.setattr(napari_selfreg, "run", note, raising=False)
    block = python_blocks()[0]
    assert line_count(block) == 6
    exec(compile(block, "README.md", "exec"), {})
    assert started == ["segment", "evaluate", "train", "corrected_fields", "finetune"]


def test_the_five_lines_regularize_a_foreign_network() -> None:
    import torch

    from napari_selfreg import SelfRegularization, TapSpec, build_network

    torch.manual_seed(0)
    network = build_network("basic_unet", in_channels=3, out_channels=2, features=(8,) * 6)
    images, targets = torch.rand(2, 3, 64, 64), torch.randint(0, 2, (2, 64, 64))
    names: dict[str, Any] = {
        "TapSpec": TapSpec,
        "SelfRegularization": SelfRegularization,
        "network": network,
        "images": images,
        "targets": targets,
        "criterion": torch.nn.CrossEntropyLoss(),
    }
    block = python_blocks()[1]
    assert line_count(block) == 5
    exec(compile(block, "README.md", "exec"), names)
    assert names["loss"].item() > names["criterion"](network(images), targets).item()
    names["loss"].backward()


def test_relative_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "LICENSES" / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_tables_of_models_follow_the_cards() -> None:
    script = ROOT / "scripts" / "model_tables.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_tables_name_the_weight_of_decorrelation_where_there_is_one() -> None:
    weights = runpy.run_path(str(ROOT / "scripts" / "model_tables.py"))["weights"]
    record = {"protocol": "native", "split": "s", "n": 1, "values": {}, "lambda_scr": 0.015}
    assert weights(MetricRecord(**record)) == "0.015, 0"
    assert (
        weights(MetricRecord(**record, lambda_decorrelation=0.1)) == "0.015, 0, decorrelation 0.1"
    )


def test_every_bundled_model_and_command_is_described() -> None:
    models = {path.stem for path in (ROOT / "napari_selfreg" / "models").glob("*.safetensors")}
    commands = {"demo", "segment", "evaluate", "compare", "features", "train", "finetune"}
    commands |= {"models", "doctor"}
    for name in models | commands:
        assert f"`{name}`" in README, name
