from __future__ import annotations

import csv
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats


def numbers(tables: ModuleType, value: float) -> dict[str, float]:
    return dict.fromkeys(tables.METRICS, value)


def runs_of(tables: ModuleType, found: dict[tuple[str, int], float]) -> list[Any]:
    """Make runs whose Dice is a number, and whose blocks hold it ten- and hundredfold."""
    return [
        tables.Run(
            arm,
            seed,
            value,
            12,
            {"E1": numbers(tables, 10 * value), "D1": numbers(tables, 100 * value)},
        )
        for (arm, seed), value in found.items()
    ]


def test_the_interval_is_that_of_the_t_distribution(tables: ModuleType) -> None:
    found = tables.change([1.0, 2.0, 3.0])
    half = stats.t.ppf(0.975, 2) / math.sqrt(3)  # the standard deviation is 1
    assert (found.mean, found.seeds) == (2.0, 3)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert not found.certain


@pytest.mark.parametrize(("sign", "certain"), [(1, True), (-1, True), (0, False)])
def test_what_leaves_out_zero_is_certain(tables: ModuleType, sign: int, certain: bool) -> None:
    assert tables.change([sign * 5.0, sign * 5.1, sign * 5.2]).certain is certain


def test_equal_differences_have_no_width(tables: ModuleType) -> None:
    found = tables.change([0.5, 0.5, 0.5])
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)


def test_one_seed_has_no_interval(tables: ModuleType) -> None:
    found = tables.change([0.5])
    assert found.mean == 0.5
    assert math.isnan(found.low)
    assert not found.certain


def test_differences_are_taken_within_a_seed(tables: ModuleType) -> None:
    values = {"plain": {0: 0.1, 1: 0.9}, "scr": {1: 1.0, 0: 0.3}}
    found = tables.paired(values, "scr")
    expected = tables.change([0.2, 0.1])
    assert (found.mean, found.low, found.high) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )


def test_seeds_that_plain_lacks_do_not_count(tables: ModuleType) -> None:
    values = {"plain": {0: 0.1}, "scr": {0: 0.3, 1: 0.9}, "ifd": {1: 0.2}}
    assert tables.paired(values, "scr").seeds == 1
    assert tables.paired(values, "ifd") is None
    assert tables.paired({"scr": {0: 1.0}}, "scr") is None


def test_pairing_removes_what_seeds_have_in_common(tables: ModuleType) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.8, 0.2, 5)
    values = {
        "plain": dict(enumerate(base)),
        "both": dict(enumerate(base + 0.01 + rng.normal(0, 0.001, 5))),
    }
    assert tables.paired(values, "both").certain


def test_the_csv_holds_every_number(tables: ModuleType, tmp_path: Path) -> None:
    runs = runs_of(tables, {("plain", 0): 0.5, ("scr", 0): 0.25})
    tables.write_csv(tmp_path / "r.csv", runs)
    with (tmp_path / "r.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["arm"], row["block"]) for row in rows] == [
        *(("plain", ""), ("plain", "E1"), ("plain", "D1")),
        *(("scr", ""), ("scr", "E1"), ("scr", "D1")),
    ]
    assert [row["dice"] for row in rows] == ["0.5", "", "", "0.25", "", ""]
    assert rows[2]["ifd"] == "50"
    assert rows[0]["ifd"] == ""


def page(tables: ModuleType, tmp_path: Path, found: dict[tuple[str, int], float]) -> str:
    tables.write_markdown(tmp_path / "t.md", runs_of(tables, found), "quick.")
    return (tmp_path / "t.md").read_text("utf-8")


def test_the_page_states_schedule_n_and_intervals(tables: ModuleType, tmp_path: Path) -> None:
    found = {("plain", seed): 0.5 for seed in range(3)}
    found |= {("scr", seed): 0.6 + 0.001 * seed for seed in range(3)}
    found |= {("ifd", seed): 0.5 + 0.1 * (seed - 1) for seed in range(3)}
    text = page(tables, tmp_path, found)
    assert text.startswith(
        "Schedule: quick.\n\n9 networks (seeds 0, 1, 2), 12 held-out images each."
    )
    assert all(f"**{title}**" in text for title in tables.METRICS.values())
    (dice,) = [line for line in text.splitlines() if line.startswith("| all |")]
    assert dice == "| all | 0.500 | **+0.101 [+0.099, +0.103]** | +0.000 [-0.248, +0.248] |"
    rows = [line for line in text.splitlines() if line.startswith("| D1 |")]
    assert len(rows) == len(tables.METRICS)
    assert rows[0].startswith("| D1 | 50.00 | **+10.10 [")


def test_an_unfinished_experiment_says_what_it_lacks(tables: ModuleType, tmp_path: Path) -> None:
    text = page(tables, tmp_path, {("plain", 0): 0.5, ("scr", 0): 0.6, ("ifd", 1): 0.6})
    assert "| all | 0.500 | +0.100 (one seed) | – |" in text
    assert "nan" not in text


def test_a_page_keeps_its_words_and_gets_new_tables(tables: ModuleType, tmp_path: Path) -> None:
    written, table = tmp_path / "page.md", tmp_path / "t.md"
    written.write_text("Before.\n\n<!-- tables -->\nold\n<!-- /tables -->\n\nAfter.\n")
    table.write_text("| new |\n")
    for _ in range(2):
        tables.update_page(written, table)
    assert written.read_text() == (
        "Before.\n\n<!-- tables -->\n\n| new |\n\n<!-- /tables -->\n\nAfter.\n"
    )
