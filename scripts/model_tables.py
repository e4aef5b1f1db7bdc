"""Write the tables of models in README.md and docs/models.md from the cards of the bundles.

Usage: python scripts/model_tables.py [--check]

With --check nothing is written; the exit code is 1 if a page differs from the cards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from napari_selfreg.engine.publish import REFIT_NOTE
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.card import Card, MetricRecord
from napari_selfreg.io.models import bundled_models

ROOT = Path(__file__).resolve().parents[1]
START = "<!-- models: written from the cards by scripts/model_tables.py -->"
END = "<!-- /models -->"
METRICS = {
    "dice": "Dice",
    "iou": "IoU",
    "object_f1": "object F1",
    "object_dice": "object Dice",
    "object_hausdorff": "object Hausdorff",
    "aji": "AJI",
    "pq": "PQ",
    "hd95_mm": "HD95, mm",
    "surface_dice": "surface Dice, 1 mm",
}
DISTANCES = {"object_hausdorff": 1, "hd95_mm": 2}
"""Metrics that are distances, with their decimals."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def score(record: MetricRecord, name: str) -> str:
    """Return mean and interval, or a dash where the record lacks the metric."""
    value = record.values.get(name)
    if value is None:
        return "–"
    digits = DISTANCES.get(name, 3)
    return f"{value.mean:.{digits}f} ({value.low:.{digits}f}–{value.high:.{digits}f})"


def is_shipped(record: MetricRecord) -> bool:
    """Tell the shipped network as it works from its plain twin, and from other pixel sizes."""
    return not record.note.startswith(("plain twin", "at "))


def weights(record: MetricRecord) -> str:
    """Return λ of SCR and IFD, and of our own decorrelation where there was any."""
    own = record.lambda_decorrelation
    both = f"{record.lambda_scr:g}, {record.lambda_ifd:g}"
    return f"{both}, decorrelation {own:g}" if own else both


def scale(card: Card) -> str:
    """Return the size of pixels or voxels a model works at, for people."""
    if card.spatial_dims == 2:
        return f"{card.um_per_px[0]:g} µm per pixel"
    return f"{' × '.join(f'{side / 1000:g}' for side in card.um_per_px)} mm per voxel"


def summary(cards: Iterable[Card]) -> str:
    """Return the table of the README: the shipped networks, native protocol."""
    head = ["model", "finds", "µm/px", "terms", "n", "Dice", "object F1", "AJI"]
    rows, splits, refitted = [], dict[str, list[str]](), list[str]()
    for index, card in enumerate(cards):
        name = f"`{card.name}`"
        facts = [", ".join(card.classes), f"{card.um_per_px[0]:g}", card.licence]
        for record in card.metrics:
            if is_shipped(record) and record.protocol == "native":
                scores = [score(record, metric) for metric in ("dice", "object_f1", "aji")]
                default = " (default)" if index == 0 else ""
                rows.append([name + default, *facts, str(record.n), *scores])
                splits.setdefault(record.split, []).append(name)
                if REFIT_NOTE in record.note:
                    refitted.append(name)
    notes = "; ".join(f"{split} ({', '.join(names)})" for split, names in splits.items())
    note = (
        "Protocol *native*: mean over n images with its 95 % bootstrap interval, as stated on the "
        f"models' cards. Images: {notes}."
    )
    if refitted:
        note += f" {', '.join(refitted)}: {REFIT_NOTE}."
    return f"{table(head, rows)}\n\n{note}"


def details(card: Card) -> str:
    """Return one model's section of docs/models.md."""
    classes = {f"dice_{label}": f"Dice, {label}" for label in card.classes}
    titles = {"dice": METRICS["dice"], **classes, **METRICS}
    names = [name for name in titles if any(name in record.values for record in card.metrics)]
    rows = [
        [
            record.split,
            record.protocol,
            str(record.n),
            weights(record),
            *(score(record, name) for name in names),
            record.note,
        ]
        for record in card.metrics
    ]
    head = ["split", "protocol", "n", "λ SCR, λ IFD", *(titles[name] for name in names), "note"]
    sources = " ".join(
        f"{source.name} ({source.images} image{'s' * (source.images != 1)}, {source.licence}). "
        f"{source.citation.rstrip('.')}."
        for source in card.data
    )
    facts = {
        "Tissue": card.tissue,
        "Works at": scale(card),
        "Network": f"`{card.architecture}`",
        "Data": sources,
        "Terms": f"{card.licence}. {card.terms}",
        "Bad at": card.bad_at,
        "Choice of λ": str(card.training.get("lambda_choice", "")),
        "Plain twin": str(card.training.get("plain_twin", "")),
    }
    lines = "\n".join(f"- **{name}**: {text}" for name, text in facts.items() if text)
    return f"## {card.name}: {card.title}\n\n{card.description}\n\n{lines}\n\n{table(head, rows)}"


def with_models(page: str, text: str) -> str:
    """Replace what stands between the two marks."""
    before, rest = page.split(START)
    return f"{before}{START}\n\n{text}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Write or check both pages."""
    cards = [read_card(path) for path in bundled_models().values()]
    texts = {"README.md": summary(cards), "docs/models.md": "\n\n".join(map(details, cards))}
    differing = []
    for name, text in texts.items():
        path = ROOT / name
        page = path.read_text("utf-8")
        wanted = with_models(page, text)
        if page != wanted:
            differing.append(name)
            if "--check" not in sys.argv:
                path.write_text(wanted, "utf-8")
    for name in differing:
        print(f"{name} {'differs from' if '--check' in sys.argv else 'now follows'} the cards")
    return int("--check" in sys.argv and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
