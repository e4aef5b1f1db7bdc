from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.io.booktabs import escaped, table


def test_a_table_has_three_rules_and_a_row_per_row() -> None:
    text = table(["Metric", "$p$"], [["Dice", "0.1"], ["IoU", "0.2"]], "lr", "two rows")
    assert text.splitlines() == [
        "% two rows",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Metric & $p$ \\",
        r"\midrule",
        r"Dice & 0.1 \\",
        r"IoU & 0.2 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_long_note_stays_a_comment() -> None:
    lines = table(["a"], [], "l", "word " * 60).splitlines()
    comment = [line for line in lines if "word" in line]
    assert len(comment) > 1
    assert all(line.startswith("% ") and len(line) < 100 for line in comment)
    assert table(["a"], [], "l").startswith(r"\begin")


def test_names_of_models_are_no_commands() -> None:
    assert escaped("a_b & 50% \\x") == r"a\_b \& 50\% \textbackslash{}x"


@given(st.text("ab_&%$#{}~^\\", max_size=12))
def test_no_sign_of_latex_is_left_alone(text: str) -> None:
    left = re.sub(r"\\[&%$#_{}]|\\text[a-z]+\{\}", "", escaped(text))
    assert set(left) <= set("ab")
    assert left == "".join(letter for letter in text if letter in "ab")
