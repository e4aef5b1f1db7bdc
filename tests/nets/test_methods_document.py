"""What docs/methods-volumes.md says is true: its code runs, its options exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import torch
from torch.optim import AdamW

from napari_selfreg.nets.regularization import NAMES, Regularization, _options
from tests.nets import volumes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methods-volumes.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_its_python_trains_a_step() -> None:
    network, spec, _ = volumes.small("dynunet")
    names: dict[str, Any] = {
        "Regularization": Regularization,
        "AdamW": AdamW,
        "network": network,
        "spec": spec,
        "volume": torch.rand(2, 1, 16, 16, 16),
        "target": volumes.labels((16, 16, 16)),
        "criterion": torch.nn.CrossEntropyLoss(),
        "step": 0,
    }
    exec(block("python"), names)
    trained = [*network.parameters(), *names["regularization"].parameters()]
    assert all(parameter.grad is not None for parameter in trained)
    assert set(names["regularization"].members) == {"scr", "dsd"}


def test_its_recipe_and_its_table_name_what_there_is() -> None:
    asked = tomllib.loads(block("toml"))["regularization"]
    network, spec, _ = volumes.small("dynunet")
    built = Regularization.build(
        asked, network, spec, sample=(2, 1, 16, 16, 16), n_classes=2, seed=0
    )
    assert set(built.members) == set(asked)
    rows = re.findall(r"^\| `(\w+)`(?: \(our own\))? \| (`.*) \|$", PAGE, flags=re.MULTILINE)
    table = {name: tuple(re.findall(r"`(\w+)`", options)) for name, options in rows}
    assert table == {name: _options(name) for name in NAMES}
