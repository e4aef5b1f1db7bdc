"""Errors for people can be told from faults of the program."""

from __future__ import annotations

import inspect

import pytest

from napari_selfreg.core import errors
from napari_selfreg.core.errors import SelfRegError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_them_are_caught_at_once_and_read_as_they_are(kind: type[Exception]) -> None:
    sentence = "Choose another folder."
    with pytest.raises(SelfRegError) as caught:
        raise kind(sentence)
    assert str(caught.value) == sentence


def test_none_of_them_is_an_error_of_python_that_others_catch() -> None:
    for kind in KINDS:
        assert not issubclass(kind, (OSError, ValueError, RuntimeError))
