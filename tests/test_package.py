from __future__ import annotations

import json
import subprocess
import sys

import pytest

import napari_selfreg

HEAVY = ("torch", "monai", "napari", "qtpy", "PyQt6", "PySide6", "vispy", "pydantic", "PIL")


def loaded_after(code: str) -> set[str]:
    """Return which heavy packages a fresh Python holds after running `code`."""
    report = f"import json, sys; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import napari_selfreg; dir(napari_selfreg)") == set()


def test_importing_the_command_loads_nothing_heavy() -> None:
    assert loaded_after("import napari_selfreg.cli") == set()


def test_reading_cards_needs_no_torch() -> None:
    code = "import napari_selfreg.io.bundle, napari_selfreg.io.models; napari_selfreg.Card"
    assert not loaded_after(f"import napari_selfreg; {code}") & {"torch", "monai", "napari"}


@pytest.mark.parametrize("name", napari_selfreg.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    assert getattr(napari_selfreg, name).__doc__


def test_the_lists_of_public_names_agree() -> None:
    assert set(napari_selfreg.__all__) == set(napari_selfreg._HOMES)
    assert set(napari_selfreg.__all__) <= set(dir(napari_selfreg))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = napari_selfreg.nonsense
