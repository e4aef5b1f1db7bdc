"""JSON from strangers: parsed with limits, and free of paths, markup and control characters."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, NoReturn

MAX_DEPTH = 12
MAX_ITEMS = 100_000
MAX_TEXT = 20_000

_URL = re.compile(r"https?://[^\s\\]+")
_MARKUP = re.compile(r"<[A-Za-z/!?]|javascript:|data:text/", re.IGNORECASE)
_HOME = re.compile(r"/(home|Users|root|tmp|mnt|media|var)/|file:/|\\", re.IGNORECASE)
_PATH = re.compile(r"""(?:^|[\s"'=(,;|])(?:~|\.{1,2}|[A-Za-z]:)?/[\w.~-]""")
_FILE = re.compile(
    r"\w\.(?:bmp|png|tiff?|svs|ndpi|mrxs|dcm|webp|jpe?g|xml|csv|toml|geojson|npy|npz|nii|zarr"
    r"|safetensors|pt|pth|ckpt|pkl)\b",
    re.IGNORECASE,
)


def loads_strict(text: str) -> Any:
    """Parse JSON; refuse NaN, doubled keys, deep nesting and far too many items.

    Parameters
    ----------
    text : str
        The document.

    Returns
    -------
    object
        Plain Python values.

    Raises
    ------
    ValueError
        With one short reason.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_distinct)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError:
        raise ValueError("it is not valid JSON") from None
    check_bounds(value)
    return value


def check_bounds(value: Any) -> None:
    """Raise ValueError unless `value` is finite, shallow and of bounded size."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    seen = 0
    while stack:
        item, depth = stack.pop()
        seen += 1
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if seen > MAX_ITEMS:
            raise ValueError("it holds too many items")
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError("it holds a number that is not finite")
        stack.extend((child, depth + 1) for child in _children(item))


def check_plain(value: Any) -> None:
    """Raise ValueError if a text or key inside is a path, markup or holds control characters."""
    check_bounds(value)
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            check_text(item)
        stack.extend(_children(item))


def check_text(text: str) -> None:
    """Raise ValueError if `text` may not stand on a card.

    Web addresses (of a licence, of a paper) are allowed; paths and file names are not.
    """
    if len(text) > MAX_TEXT:
        raise ValueError("a text is too long")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"} for character in text):
        raise ValueError("a text holds control characters")
    if _MARKUP.search(text):
        raise ValueError("a text holds markup or script")
    without_urls = _URL.sub("", text)
    if _HOME.search(text) or _PATH.search(without_urls):
        raise ValueError("a text holds the path of a file or folder")
    if _FILE.search(without_urls):
        raise ValueError("a text holds a file name")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    return list(item) if isinstance(item, list | tuple) else []


def _no_constant(name: str) -> NoReturn:
    raise ValueError("it holds a number that is not finite")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in it")
    return result
