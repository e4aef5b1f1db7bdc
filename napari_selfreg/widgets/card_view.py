"""The card of a model, for people."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from napari_selfreg.engine.held_out import (
    CASES,
    PATIENTS,
    SLABS,
    SLABS_PROTOCOL,
    STRIPS,
    STRIPS_PROTOCOL,
)
from napari_selfreg.io.card import Card, MetricRecord, MetricValue
from napari_selfreg.widgets.model_entries import terms_of

_SCORES = {
    "dice": "Dice",
    "iou": "IoU",
    "object_f1": "Object F1",
    "object_dice": "Object Dice",
    "object_hausdorff": "Object Hausdorff (px)",
    "aji": "AJI",
    "pq": "PQ",
    "hd95_mm": "Distance of outlines, 95 % (mm)",
    "surface_dice": "Outlines within 1 mm",
}


_GRIDS = {
    "native": "original resolution",
    "uctransnet224": "shrunk to 224 × 224 pixels",
    STRIPS_PROTOCOL: "original resolution",
    SLABS_PROTOCOL: "resolution of the model",
}
"""Protocol -> what a person reads."""

_PLAIN = {
    STRIPS: ("held-out strips of the reviewed regions", ""),
    SLABS: ("held-out slabs of the reviewed volumes", ""),
    CASES: ("held-out volumes", "The training has not seen them in any way."),
    PATIENTS: (
        "held-out images",
        "Training stopped, and its settings were chosen, by these images too: on new ones the "
        "model may be a little less good.",
    ),
}
"""Split, as training writes it -> which images they are, and what to bear in mind."""

_TWIN = "For comparison, trained without self-regularization"


class CardDialog(QDialog):
    """Shows one card beside the window, without blocking it.

    Parameters
    ----------
    card : Card
        What to show.
    parent : QWidget, optional
        Parent of the dialog.
    """

    def __init__(self, card: Card, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(card.title)
        self.resize(460, 520)
        text = QTextBrowser()
        text.setOpenLinks(False)
        text.setHtml(card_html(card))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(buttons)


def card_html(card: Card) -> str:
    """Return a card as simple HTML.

    Parameters
    ----------
    card : Card
        Any text in it is escaped.

    Returns
    -------
    str
    """
    facts = _rows(
        ("For", escape(card.tissue)),
        ("Finds", escape(", ".join(card.classes) + _separated(card))),
        ("Weak at", escape(card.bad_at)),
        ("Works at", works_at(card)),
        ("Terms", escape(" ".join(filter(None, [f"{card.licence}.", card.terms])))),
        ("Scores", _scores(card)),
        ("Learned from", _data(card)),
        ("Network", escape(f"{card.architecture}, model “{card.name}”")),
    )
    return f"<h3>{escape(card.title)}</h3><p>{escape(card.description)}</p>{facts}"


def summary(card: Card) -> str:
    """Return the line below the name of a model: terms first, as the end may be cut."""
    parts = [terms_of(card), works_at(card).replace(" per pixel", "/px"), card.tissue]
    return " · ".join(part for part in parts if part)


def works_at(card: Card) -> str:
    """Return the size of the pixels, or of the voxels along z, y and x, that a model works at."""
    if card.spatial_dims == 2:
        return f"{card.pixel_size.mean:.3g} µm per pixel"
    return "voxels of " + " × ".join(f"{size / 1000:.3g}" for size in card.um_per_px) + " mm"


def _rows(*rows: tuple[str, str]) -> str:
    return "".join(f"<p><b>{title}</b><br>{html}</p>" for title, html in rows if html)


def _separated(card: Card) -> str:
    return " (touching ones separated)" if card.separation else ""


def _data(card: Card) -> str:
    return "<br>".join(
        f"{escape(data.name)}, {data.images} images, {escape(data.licence)}. "
        f"{escape(data.citation)}"
        for data in card.data
    )


def _scores(card: Card) -> str:
    tables = [_score_table(record) for record in card.metrics]
    hints = dict.fromkeys(_hint(record) for record in card.metrics)  # each one once
    return "".join([*tables, *(f"<i>{escape(hint)}</i><br>" for hint in hints if hint)])


def _hint(record: MetricRecord) -> str:
    return _PLAIN.get(record.split, ("", ""))[1] or record.note


def _score_table(record: MetricRecord) -> str:
    weights = (record.lambda_scr, record.lambda_ifd, record.lambda_decorrelation)
    none = not any(weights)  # DSD says so in the note
    plain = record.note.startswith("plain twin") or (none and not record.note)
    images, _ = _PLAIN.get(record.split, (f"images, {record.split}", ""))
    grid = _GRIDS.get(record.protocol, record.protocol)
    caption = f"{_TWIN if plain else 'This model'}: {record.n} {images}, {grid}"
    known = [name for name in _SCORES if name in record.values]
    names = [*known, *(name for name in record.values if name not in _SCORES)]
    cells = "".join(_score_row(name, record.values[name]) for name in names)
    return f"{escape(caption)}<table>{cells}</table>"


def _score_row(name: str, value: MetricValue) -> str:
    digits = 3 if value.high < 10 else 1
    mean, low, high = (f"{number:.{digits}f}" for number in (value.mean, value.low, value.high))
    return (
        f"<tr><td>{escape(_title(name))}&nbsp;&nbsp;</td>"
        f"<td>{mean}&nbsp;&nbsp;({low} to {high})</td></tr>"
    )


def _title(score: str) -> str:
    """Return what a person reads for a score; ``dice_<class>`` is that of one class."""
    return _SCORES.get(score, score.replace("dice_", "Dice, ", 1))
