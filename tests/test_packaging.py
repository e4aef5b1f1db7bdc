"""What is built and installed: manifest, licences, dependencies, and the README's commands."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Needed while the program runs although no line of ours imports them.
IMPORTED_BY_OTHERS = {
    "imagecodecs": "tifffile decodes JPEG and JPEG 2000 tiles with it",
    "einops": "MONAI's UNETR and SwinUNETR import it",
}
DISCOVER = """
import json, site, sys
site.addsitedir(sys.argv[1])
sys.path.insert(0, sys.path.pop())  # what was just added comes first
from npe2 import PluginManifest
found = {}
for result in PluginManifest.discover(paths=[sys.argv[1]]):
    inside = str(result.distribution._path).startswith(sys.argv[1])
    if result.manifest and inside:
        found[result.manifest.name] = result.manifest.display_name
print(json.dumps(found))
"""


def dependency_names() -> set[str]:
    """Names of the base dependencies, as PyPI writes them."""
    return {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}


def pinned() -> dict[str, str]:
    """Name -> version of everything in the constraints file."""
    lines = (ROOT / "constraints" / "py311.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def imported_modules() -> set[str]:
    """Top-level names that the package imports anywhere, also inside functions."""
    names = set()
    for path in (ROOT / "napari_selfreg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"napari_selfreg"}


def first_blocks(markdown: str) -> list[str]:
    """Contents of the fenced blocks, in order."""
    return re.findall(r"^```[a-z]*\n(.*?)^```$", markdown, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources with empty files instead of the large models."""
    pytest.importorskip("hatchling")
    copy = tmp_path_factory.mktemp("tree") / "napari-selfreg"
    skipped = shutil.ignore_patterns(
        ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "demo_output", "dist", "build"
    )
    shutil.copytree(ROOT, copy, ignore=skipped)
    (copy / "napari_selfreg" / "napari.yaml").unlink(missing_ok=True)
    for model in (copy / "napari_selfreg" / "models").glob("*.safetensors"):
        model.write_bytes(b"")
    return copy


def build(kind: str, tree: Path, output: Path) -> Path:
    """Build a ``wheel``, ``sdist`` or ``editable`` of `tree` without any network."""
    output.mkdir(exist_ok=True)
    code = f"from hatchling import build; print(build.build_{kind}({str(output)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return output / done.stdout.split()[-1]


def unpack_wheel(wheel: Path, site: Path) -> Path:
    """Lay a wheel's files into `site`, as an installer does."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert names.count("napari_selfreg/napari.yaml") == 1
        archive.extractall(site)
    return site


def discovered(site: Path) -> dict[str, str]:
    """Return what napari finds in `site`: plug-in name -> name on screen."""
    done = subprocess.run(
        [sys.executable, "-c", DISCOVER, str(site)],
        cwd=site,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_wheel_holds_manifest_types_and_licences(tree: Path, tmp_path: Path) -> None:
    site = unpack_wheel(build("wheel", tree, tmp_path / "dist"), tmp_path / "site")
    assert "napari-selfreg" in discovered(site)
    assert (site / "napari_selfreg" / "py.typed").is_file()
    assert not (site / "tests").exists()
    (info,) = site.glob("*.dist-info")
    stated = (info / "METADATA").read_text("utf-8")
    assert f"License-Expression: {PROJECT['license']}" in stated
    held = {path.name for path in (info / "licenses").rglob("*") if path.is_file()}
    assert held >= {"LICENSE", "README.md", "LicenseRef-GlaS-research-only.txt"}


def test_sdist_builds_the_same_wheel(tree: Path, tmp_path: Path) -> None:
    archive = build("sdist", tree, tmp_path / "dist")
    shutil.unpack_archive(archive, tmp_path)
    (unpacked,) = tmp_path.glob("napari_selfreg-*")
    for part in ("napari.yaml", "tests", "constraints", "LICENSES", "scripts", "hatch_build.py"):
        assert (unpacked / part).exists(), part
    again = unpack_wheel(build("wheel", unpacked, tmp_path / "again"), tmp_path / "site")
    direct = unpack_wheel(build("wheel", tree, tmp_path / "direct"), tmp_path / "other")
    assert "napari-selfreg" in discovered(again)
    assert {str(path.relative_to(again)) for path in again.rglob("*")} == {
        str(path.relative_to(direct)) for path in direct.rglob("*")
    }


def test_editable_install_follows_the_manifest(tree: Path, tmp_path: Path) -> None:
    site = unpack_wheel(build("editable", tree, tmp_path / "editable"), tmp_path / "site")
    assert "napari-selfreg" in discovered(site)
    manifest = tree / "napari.yaml"
    before = manifest.read_text("utf-8")
    try:
        manifest.write_text(re.sub("display_name: .*", "display_name: Renamed", before, count=1))
        assert discovered(site) == {"napari-selfreg": "Renamed"}
    finally:
        manifest.write_text(before, "utf-8")


def test_dependencies_are_those_that_are_imported() -> None:
    # An extra may be absent here: then nobody tells which distribution provides the module.
    providers = {"openslide": ["openslide-python"], **metadata.packages_distributions()}
    used = {
        canonicalize_name(distribution)
        for name in imported_modules()
        for distribution in providers.get(name, [name])
    }
    declared = dependency_names()
    optional = {
        canonicalize_name(Requirement(line).name)
        for lines in PROJECT["optional-dependencies"].values()
        for line in lines
    }
    assert used - declared - optional == set()
    assert declared - used - set(IMPORTED_BY_OTHERS) == set()


def test_no_qt_binding_and_no_second_opencv_in_base_dependencies() -> None:
    declared = dependency_names()
    assert not declared & {"pyqt5", "pyqt6", "pyside2", "pyside6", "opencv-python"}
    assert all("napari[" not in line for line in PROJECT["dependencies"])


def test_constraints_pin_every_dependency_within_its_bounds() -> None:
    versions = pinned()
    for line in PROJECT["dependencies"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), line
    assert versions["torch"] == "2.13.0"
    assert versions["pyside6"] != "6.12.0"
    assert "opencv-python" not in versions


def test_readme_starts_with_the_two_commands() -> None:
    demo, test = first_blocks((ROOT / "README.md").read_text("utf-8"))[:2]
    for block in (demo, test):
        assert len(block.splitlines()) == 1
        assert (ROOT / block.split()[-1]).is_file()
    assert "demo" in demo
    assert "test" in test


@pytest.mark.skipif(not (ROOT / ".ci" / "run").is_file(), reason="not in a source archive")
def test_ci_runs_the_command_of_the_readme() -> None:
    program = re.search(r"awk '([^']+)'", (ROOT / ".ci" / "run").read_text("utf-8"))
    assert program
    extracted = subprocess.run(
        ["awk", program[1], "README.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert extracted.stdout == first_blocks((ROOT / "README.md").read_text("utf-8"))[1]


def test_every_bundled_file_has_its_terms_named() -> None:
    terms = (ROOT / "LICENSES" / "README.md").read_text("utf-8")
    for model in (ROOT / "napari_selfreg" / "models").glob("*.safetensors"):
        assert f"models/{model.name}" in terms
    for name in re.findall(r"[A-Za-z][\w.-]+", PROJECT["license"].replace(" AND ", " ")):
        text = ROOT / "LICENSES" / f"{name}.txt"
        assert name == "BSD-3-Clause" or text.is_file(), name
