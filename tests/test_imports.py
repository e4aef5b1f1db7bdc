"""What importing each room costs, and what `core` can live without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "monai", "napari", "qtpy"}
CORE_NEEDS = ("numpy", "scipy", "scikit-image")
TEST_TOOLS = ("pytest", "hypothesis", "pygments")


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after `code` ran in a fresh interpreter."""
    report = "import sys, json; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{textwrap.dedent(code)}\n{report}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def needed_by(*names: str) -> set[str]:
    """Distributions that `names` require, directly or not, extras aside."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        required = [Requirement(line) for line in lines]
        waiting += [
            canonicalize_name(each.name)
            for each in required
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return found


def foreign_modules() -> list[str]:
    """Top-level modules of every distribution here that core and its tests may not need."""
    allowed = needed_by(*CORE_NEEDS, *TEST_TOOLS) | {"napari-selfreg", "pip", "setuptools"}
    owners = metadata.packages_distributions()
    return sorted(
        module
        for module, names in owners.items()
        if not any(canonicalize_name(name) in allowed for name in names)
    )


@pytest.mark.parametrize("room", ["core", "io"])
def test_light_rooms_load_neither_torch_nor_napari(room: str) -> None:
    code = f"""
        import importlib, pkgutil, napari_selfreg.{room} as room
        for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            importlib.import_module(module.name)
    """
    assert not loaded_by(code) & HEAVY


def test_the_widgets_room_loads_neither_torch_nor_monai() -> None:
    code = """
        import importlib, pkgutil, napari_selfreg.widgets as room
        for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            importlib.import_module(module.name)
    """
    assert not loaded_by(code) & {"torch", "monai"}


def test_core_and_its_tests_need_only_numpy_scipy_and_scikit_image() -> None:
    blocker = f"""
        import sys
        from importlib.abc import MetaPathFinder

        class Blocker(MetaPathFinder):
            blocked = frozenset({foreign_modules()!r})

            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in self.blocked:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
                return None

        sys.meta_path.insert(0, Blocker())
        import hypothesis, pytest

        def few(self, *parent, **options):  # what is imported does not depend on the examples
            real(self, *parent, **options | {{"max_examples": 2}})

        real, hypothesis.settings.__init__ = hypothesis.settings.__init__, few
        options = ["-q", "-x", "-p", "no:cacheprovider", "-c", {os.devnull!r}]
        sys.exit(pytest.main([*options, "--rootdir", {str(ROOT)!r}, "tests/core"]))
    """
    assert {"torch", "napari", "cv2", "shapely", "pydantic"} <= set(foreign_modules())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(blocker)],
        cwd=ROOT,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
