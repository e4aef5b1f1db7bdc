from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.io.plain_json import MAX_DEPTH, check_plain, check_text, loads_strict


@pytest.mark.parametrize(
    "text",
    [
        "H&E, colon; SCR/IFD with λ = 0.015 on scr/E2 and ifd/D2",
        "CC BY 4.0, see https://creativecommons.org/licenses/by/4.0/legalcode.txt",
        "doi 10.1016/j.media.2016.08.008, 0.62 µm/px",
        "Dice > 0.9 and IoU < 0.8",
        "normal, polyp / low-grade; e.g. torn folds",
        "",
    ],
)
def test_prose_addresses_and_term_names_may_stand_on_a_card(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("/home/alice/glas", "path"),
        ("trained in /data/glas", "path"),
        ("~/glas", "path"),
        ("../glas", "path"),
        (r"C:\Users\alice", "path"),
        ("D:/glas", "path"),
        ("file:/etc/passwd", "path"),
        ("https://example.org/home/alice/x", "path"),
        ("worst on testA_3.bmp", "file name"),
        ("see train_1.PNG", "file name"),
        ("<script>alert(1)</script>", "markup"),
        ("<img src=x onerror=y>", "markup"),
        ("javascript:alert(1)", "markup"),
        ("\x1b[31mred", "control"),
        ("evil\u202etxt", "control"),
        ("two\nlines", "control"),
        ("a" * 20_001, "too long"),
    ],
)
def test_paths_files_markup_and_control_characters_are_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        check_text(text)


def test_keys_are_checked_like_texts() -> None:
    with pytest.raises(ValueError, match="path"):
        check_plain({"deep": [{"/home/alice/x": 1}]})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("NaN", "not finite"),
        ("-Infinity", "not finite"),
        ("[1e999]", "not finite"),
        ('{"a": 1, "a": 2}', "twice"),
        ("{", "not valid JSON"),
        ("[" * 100_000 + "]" * 100_000, "too deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "too deep"),
        ("[" + "0," * 100_001 + "0]", "too many"),
        ("9" * 5000, "digits"),
    ],
)
def test_hostile_documents_are_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        loads_strict(text)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(plain)
def test_ordinary_documents_come_back_unchanged(value: object) -> None:
    import json

    assert loads_strict(json.dumps(value)) == value
