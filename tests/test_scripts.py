"""The set-up scripts, run with stand-ins for pip, apt-get and their like."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("bash") is None, reason="shell scripts for Linux"
)


def write_tool(folder: Path, name: str, body: str) -> None:
    """Make an executable `name` that runs `body`."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = folder / name
    tool.write_text(f"#!/usr/bin/env bash\n{body}\n", "utf-8")
    tool.chmod(0o755)


def run_script(
    script: Path, *options: str, tools: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script with `tools` before everything else on the PATH."""
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"} | variables
    return subprocess.run(
        ["bash", str(script), *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bare_debian(tmp_path: Path) -> Path:
    """Tools of a Debian without any of the libraries; apt-get logs what it is asked."""
    tools = tmp_path / "tools"
    write_tool(tools, "ldconfig", "true")
    write_tool(tools, "dpkg-query", "exit 1")
    write_tool(tools, "apt-get", f'echo "$*" >> {tmp_path}/apt.log')
    write_tool(tools, "sudo", "exit 1")
    write_tool(tools, "id", "echo 1000")
    return tools


def test_missing_libraries_are_named_where_nothing_may_be_installed(
    bare_debian: Path, tmp_path: Path
) -> None:
    done = run_script(SCRIPTS / "system-libraries.sh", "window", tools=bare_debian)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "apt-get" in line]
    assert line.strip().startswith("sudo apt-get install --no-install-recommends libglib2.0-0 ")
    assert {"libxcb-icccm4", "libxcb-keysyms1", "libegl1", "libgl1-mesa-dri"} <= set(line.split())
    assert not (tmp_path / "apt.log").exists()


def test_missing_libraries_are_installed_as_root(bare_debian: Path, tmp_path: Path) -> None:
    write_tool(bare_debian, "id", "echo 0")
    done = run_script(SCRIPTS / "system-libraries.sh", "python3.11-venv", tools=bare_debian)
    assert done.returncode == 0, done.stderr
    update, install = (tmp_path / "apt.log").read_text("utf-8").splitlines()
    assert update.endswith("update")
    assert install.endswith("install --yes --no-install-recommends python3.11-venv")


def test_present_libraries_are_left_alone(bare_debian: Path, tmp_path: Path) -> None:
    write_tool(bare_debian, "dpkg-query", 'echo -n "install ok installed"')
    done = run_script(SCRIPTS / "system-libraries.sh", "python3.11-venv", tools=bare_debian)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "apt.log").exists()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Make a clone whose virtual environment only writes down what pip is asked."""
    clone = tmp_path / "clone"
    for name in ("scripts", "constraints"):
        shutil.copytree(ROOT / name, clone / name)
    for name in ("pyproject.toml", "hatch_build.py"):
        shutil.copy(ROOT / name, clone)
    fake = f"""
        case "$*" in
            "-c import pip") exit 0 ;;
            "- {CPU_INDEX}"*) exit "${{INDEX_EXIT:-0}}" ;;
            "- "*) exec {sys.executable} "$@" ;;
            *) echo "$*" >> {clone}/pip.log; exit "${{PIP_EXIT:-0}}" ;;
        esac
    """
    write_tool(clone / ".venv" / "bin", "python", fake)
    return clone


def torch_line(clone: Path) -> str:
    """Return the pip call that chose the build of PyTorch."""
    lines = (clone / "pip.log").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if "torch==2.13.0" in line]
    return line


def test_cpu_machines_take_the_cpu_build(clone: Path, tmp_path: Path) -> None:
    write_tool(tmp_path / "tools", "nvidia-smi", "exit 9")
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA GPU")
    done = run_script(clone / "scripts" / "environment.sh", "run", tools=tmp_path / "tools")
    assert done.returncode == 0, done.stderr
    assert torch_line(clone).endswith(f"--no-deps --index-url {CPU_INDEX}")
    assert ".[all]" in (clone / "pip.log").read_text("utf-8")


@pytest.mark.parametrize(("gpu_exit", "index_exit"), [("0", "0"), ("9", "1")])
def test_gpu_machines_and_closed_networks_take_the_default_index(
    clone: Path, tmp_path: Path, gpu_exit: str, index_exit: str
) -> None:
    write_tool(tmp_path / "tools", "nvidia-smi", f"exit {gpu_exit}")
    script = clone / "scripts" / "environment.sh"
    done = run_script(script, "run", tools=tmp_path / "tools", INDEX_EXIT=index_exit)
    assert done.returncode == 0, done.stderr
    assert "--index-url" not in torch_line(clone)


def test_a_failed_download_names_the_way_without_network(clone: Path, tmp_path: Path) -> None:
    script = clone / "scripts" / "environment.sh"
    done = run_script(script, "run", tools=tmp_path, PIP_EXIT="1", INDEX_EXIT="1")
    assert done.returncode != 0
    assert done.stderr.count("docs/install.md") == 1
    assert "Without network" in (ROOT / "docs" / "install.md").read_text("utf-8")


def test_the_second_run_installs_nothing_until_something_changes(
    clone: Path, tmp_path: Path
) -> None:
    script, log = clone / "scripts" / "environment.sh", clone / "pip.log"
    write_tool(tmp_path / "tools", "nvidia-smi", "exit 0")
    run_script(script, "test", tools=tmp_path / "tools")
    assert "--group test" in log.read_text("utf-8")
    log.unlink()
    assert run_script(script, "test", tools=tmp_path / "tools").returncode == 0
    assert not log.exists()
    with (clone / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    run_script(script, "test", tools=tmp_path / "tools")
    assert log.exists()
