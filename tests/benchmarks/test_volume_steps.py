from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any

import pytest
import torch


def options(**values: Any) -> argparse.Namespace:
    given = {
        "what": "memory",
        "network": "dynunet",
        "kinds": ["plain", "DSD"],
        "steps": 2,
        "batch": 1,
        "side": 16,
        "classes": 3,
        "bf16": False,
        "threads": 1,
        "clock": "cpu",
        "measured": False,
        "json": False,
    }
    return argparse.Namespace(**(given | values))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_every_storage_that_is_kept_counts_once(volume_steps: ModuleType, device: str) -> None:
    x = torch.ones(1000, device=device, requires_grad=True)
    with volume_steps.counting() as found:
        (x * x).exp().sum()  # x, twice, and the exponential
    assert sum(found.values()) == 2 * 4000
    with volume_steps.counting() as found:
        (x.view(10, 100) * x[:1].detach()).sum()  # two views of one storage
    assert sum(found.values()) == 4000


def test_memory_grows_with_what_is_added_and_less_at_reduced_resolution(
    volume_steps: ModuleType,
) -> None:
    kinds = ["plain", "deep supervision", "DSD, KL at 1/4", "DSD, KL at 1/2", "DSD"]
    rows = volume_steps.count_memory(options(kinds=kinds, side=32, classes=4))
    kept = [row["bytes"] for row in rows]
    assert [row["kind"] for row in rows] == kinds
    assert kept == sorted(kept)
    assert len(set(kept)) == len(kept)
    # 8 maps of logits and what the losses keep of them: at least those maps
    assert kept[-1] - kept[0] > 8 * 4 * 32**3 * 4


def test_every_kind_of_step_trains_the_same_network(volume_steps: ModuleType) -> None:
    kinds = list(volume_steps.KINDS)
    rows = volume_steps.measure_time(options(what="time", kinds=kinds))
    assert [row["kind"] for row in rows] == kinds
    assert rows[0]["ratio"] == 1
    assert all(row["seconds"] > 0 for row in rows)


def test_tables_name_every_kind(
    volume_steps: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"kind": "plain", "bytes": 2_000_000}, {"kind": "DSD", "bytes": 5_500_000}]
    volume_steps.show(options(), rows)
    assert capsys.readouterr().out.splitlines()[2:] == ["| plain | 2 | 0 |", "| DSD | 6 | 4 |"]
