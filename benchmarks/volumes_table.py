"""Tables of benchmarks/volumes.py: scores of every row, and paired differences.

python benchmarks/volumes_table.py volumes [--page docs/volumes.md]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from evidence_table import update_page
from volumes import ROWS, Trained

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.paired import PairedDifference, paired_difference
from napari_selfreg.io.atomic import atomic_write

METRICS = {
    "dice": "Dice",
    "dice_anterior": "anterior",
    "dice_posterior": "posterior",
    "hd95_mm": "HD95, mm",
}
REFERENCE = {
    "dsd": "plain",
    "deep-supervision": "plain",
    "dsd-official": "plain",
    "missu": "trans-unet",
    "scr-ifd": "basic-unet",
}
"""What a row is compared with: the same network without its regularizer."""

CLAIMS = {
    "dsd": "DSD, hippocampus: +1.3 points of Dice, -0.76 mm",
    "dsd-official": "DSD, hippocampus: +1.3 points of Dice, -0.76 mm",
    "missu": "no figure of the paper could be verified",
    "scr-ifd": "no claim on volumes",
}


def read_runs(folder: Path) -> list[Trained]:
    """Return what was made, in the order of `ROWS`."""
    found = [Trained(**json.loads(path.read_text("utf-8"))) for path in folder.glob("*.json")]
    order = list(ROWS)
    return sorted(found, key=lambda run: (order.index(run.row), run.fold, run.seed))


def case_means(runs: Sequence[Trained], row: str, metric: str) -> dict[str, float]:
    """Return a score by case: the mean over the seeds in which the case was held out."""
    values: dict[str, list[float]] = {}
    for run in runs:
        if run.row == row:
            for stem, scores in run.cases.items():
                values.setdefault(stem, []).append(scores[metric])
    return {stem: statistics.fmean(each) for stem, each in values.items()}


def common(runs: Sequence[Trained], row: str, other: str) -> list[Trained]:
    """Return the runs of two rows whose fold and seed both have."""
    places = [{(r.fold, r.seed) for r in runs if r.row == name} for name in (row, other)]
    both = places[0] & places[1]
    return [r for r in runs if r.row in (row, other) and (r.fold, r.seed) in both]


def difference(runs: Sequence[Trained], row: str, metric: str) -> PairedDifference | None:
    """Return row minus reference over the cases that both were scored on, None without any."""
    pairs = common(runs, row, REFERENCE[row])
    if not pairs:
        return None
    plain = case_means(pairs, REFERENCE[row], metric)
    other = case_means(pairs, row, metric)
    stems = sorted(plain.keys() & other.keys())
    return paired_difference([plain[stem] for stem in stems], [other[stem] for stem in stems])


def by_run(runs: Sequence[Trained], row: str, metric: str) -> list[float]:
    """Return the mean difference of every pair of trainings, sorted."""
    pairs = common(runs, row, REFERENCE[row])
    means = {
        (run.row, run.fold, run.seed): statistics.fmean(s[metric] for s in run.cases.values())
        for run in pairs
    }
    places = sorted({(run.fold, run.seed) for run in pairs})
    return sorted(means[row, *place] - means[REFERENCE[row], *place] for place in places)


def page(runs: Sequence[Trained]) -> Iterator[str]:
    """Return both tables in Markdown, line by line."""
    rows = list(dict.fromkeys(run.row for run in runs))
    yield (
        "Means over cases with 95 % bootstrap intervals; a case that was held out in the runs of "
        "several seeds counts once, with its mean. Time: CPU time of one thread, validations "
        "included."
    )
    yield ""
    yield f"| row | runs | cases | {' | '.join(METRICS.values())} | steps | minutes | parameters |"
    yield "|---|---|---|" + "---|" * (len(METRICS) + 3)
    for row in rows:
        yield f"| {' | '.join(_scores(runs, row))} |"
    yield ""
    yield (
        "Row minus reference on the same cases, folds and seeds: 95 % bootstrap interval over "
        "cases and p of the Wilcoxon signed-rank test. It speaks of other cases, not of other "
        "trainings: how far single trainings lie apart stands in the column by training."
    )
    yield ""
    yield "| row | minus | Dice, points | p | by training | HD95, mm | p | the paper's claim |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        if row in REFERENCE and common(runs, row, REFERENCE[row]):
            yield f"| {' | '.join(_differences(runs, row))} |"


def _scores(runs: Sequence[Trained], row: str) -> list[str]:
    own = [run for run in runs if run.row == row]
    cells = []
    for metric in METRICS:
        digits = 2 if metric.endswith("mm") else 4
        found = mean_interval(list(case_means(runs, row, metric).values()))
        low, high = f"{found.low:.{digits}f}", f"{found.high:.{digits}f}"
        cells.append(f"{found.mean:.{digits}f} ({low}–{high})")
    timed = [run.seconds_per_step * run.steps / 60 for run in own if run.seconds_per_step]
    minutes = f"{statistics.fmean(timed):.1f}" if timed else "–"
    heads = f" + {own[0].heads:,} in training" if own[0].heads else ""
    size = f"{own[0].parameters:,}{heads}"
    count = len(case_means(runs, row, "dice"))
    return [row, str(len(own)), str(count), *cells, str(own[0].steps), minutes, size]


def _differences(runs: Sequence[Trained], row: str) -> list[str]:
    cells = [row, REFERENCE[row]]
    for metric, scale, digits in (("dice", 100.0, 2), ("hd95_mm", 1.0, 2)):
        found = difference(runs, row, metric)
        assert found is not None
        numbers = (found.difference, found.low, found.high)
        mean, low, high = (round(scale * v, digits) + 0.0 for v in numbers)  # no minus before 0
        text = f"{mean:+.{digits}f} ({low:+.{digits}f} … {high:+.{digits}f})"
        cells += [f"**{text}**" if low > 0 or high < 0 else text, f"{found.p:.2g}"]
        if metric == "dice":
            each = [scale * value for value in by_run(runs, row, metric)]
            cells.append(f"{each[0]:+.2f} … {each[-1]:+.2f} (n = {len(each)})")
    return [*cells, CLAIMS.get(row, "–")]


def write_cases(path: Path, runs: Sequence[Trained]) -> None:
    """Write every score of every case as CSV."""
    names = list(next(iter(runs[0].cases.values())))
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["row", "fold", "seed", "case", *names])
        for run in runs:
            for stem, scores in run.cases.items():
                values = [f"{scores[name]:.6g}" for name in names]
                writer.writerow([run.row, run.fold, run.seed, stem, *values])


def main() -> None:
    """Write the tables beside the results, and into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="results of volumes.py")
    parser.add_argument("--page", type=Path, help="page with the marks of the tables")
    options = parser.parse_args()
    runs = read_runs(options.folder)
    if not runs:
        raise SystemExit(f"{options.folder} holds no results: run benchmarks/volumes.py first.")
    table = options.folder / "volumes.md"
    with atomic_write(table, "w") as stream:
        stream.write("\n".join(page(runs)) + "\n")
    write_cases(options.folder / "volumes.csv", runs)
    if options.page is not None:
        update_page(options.page, table)
    print(table.read_text("utf-8"))


if __name__ == "__main__":
    main()
