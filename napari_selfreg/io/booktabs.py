r"""Tables for LaTeX in the style of the package booktabs: three horizontal rules, no others."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

_ESCAPES = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def escaped(text: str) -> str:
    """Return a text with the signs that LaTeX would take for commands written out."""
    return text.translate(_ESCAPES)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], columns: str, note: str = "") -> str:
    r"""Return a ``tabular`` environment.

    Parameters
    ----------
    head : sequence of str
        Cells of the first row, in LaTeX: escape names with `escaped` before.
    rows : iterable of sequence of str
        Cells of the other rows, likewise.
    columns : str
        Alignment, one letter for each column.
    note : str, optional
        Plain text for comment lines above the table.

    Returns
    -------
    str
        Ends with a line break.
    """
    comment = [f"% {line}" for line in textwrap.wrap(note, 95)]
    body = [_row(row) for row in rows]
    lines = [
        *comment,
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _row(head),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
