#!/usr/bin/env bash
# Make or refresh .venv in this clone, with the versions of constraints/py311.txt.
#   bash scripts/environment.sh run     the program and its window
#   bash scripts/environment.sh test    the same, the tests' and the linters' tools
#   bash scripts/environment.sh wheels DIR    fill DIR with wheels for a machine without network
# The second time it only compares checksums. pip's own variables are obeyed, for example
# PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/wheels on a machine without network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly mode=${1:-run}
readonly constraints=constraints/py311.txt
readonly cpu_index=https://download.pytorch.org/whl/cpu
export PIP_DISABLE_PIP_VERSION_CHECK=1
quiet=()
[ -t 1 ] || quiet=(--quiet)

say() { echo "== $*"; }

find_python() { # the first Python that is new enough; 3.11 is the one with tested versions
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
        command -v "${candidate:-none}" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        echo "$candidate"
        return
    done
    echo "Python 3.11 or newer is needed and was not found: install it or name it with PYTHON=..." >&2
    return 1
}

checksum() { # changes whenever what has to be installed changes
    .venv/bin/python - "$PWD" pyproject.toml hatch_build.py "$constraints" scripts/environment.sh <<'PY'
import hashlib, pathlib, sys
digest = hashlib.sha256(sys.argv[1].encode())
for name in sys.argv[2:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PY
}

make_venv() {
    local python version
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        bash scripts/system-libraries.sh "$version-venv"
    fi
    say "Making the virtual environment .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

pip_install() {
    .venv/bin/python -m pip install ${quiet[@]+"${quiet[@]}"} "$@" && return
    # Without network pip speaks of conflicting versions, which is not what is wrong.
    echo "Packages could not be installed. If there is no network (or only a proxy), see docs/install.md," \
        "\"Without network\": a folder of wheels does." >&2
    return 1
}

has_nvidia_gpu() {
    [ -e /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1
}

cpu_index_answers() {
    [ -z "${PIP_NO_INDEX:-}" ] && .venv/bin/python - "$cpu_index/torch/" <<'PY' 2>/dev/null
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=10).close()
PY
}

choose_torch() { # PyPI's wheel for Linux holds CUDA, several GB that a CPU never uses
    torch=("$(grep '^torch==' "$constraints")")
    if [ "$(uname -s)" = Linux ] && ! has_nvidia_gpu && cpu_index_answers; then
        say "No NVIDIA GPU here: taking PyTorch's CPU build (${torch[0]})"
        torch+=(--no-deps --index-url "$cpu_index")
    else
        say "Taking ${torch[0]} from the default index"
    fi
}

fill_wheels() { # the build of PyTorch first, so that the second line finds it in the folder
    .venv/bin/python -m pip download -d "$1" --no-deps "${torch[@]}"
    .venv/bin/python -m pip wheel -w "$1" --find-links "$1" -c "$constraints" \
        ".[all]" pip hatchling editables
}

case $mode in
    run) wanted=(--editable ".[all]") ;;
    test) wanted=(--editable ".[all]" --group test --group lint) ;;
    wheels) folder=${2:?a folder for the wheels is needed} ;;
    *) echo "usage: bash scripts/environment.sh run | test | wheels DIR" >&2 && exit 2 ;;
esac

# A clone that was moved or copied brings an environment that no longer works.
.venv/bin/python -c 'import pip' 2>/dev/null || make_venv
if [ "$mode" = wheels ]; then
    choose_torch
    fill_wheels "$folder"
    exit 0
fi
readonly stamp=.venv/installed-$mode.sha256
if [ "$(cat "$stamp" 2>/dev/null)" = "$(checksum)" ]; then
    exit 0
fi
say "Installing into .venv (the first time takes some minutes)"
pip_install -c "$constraints" --upgrade pip
choose_torch
pip_install -c "$constraints" "${torch[@]}"
pip_install -c "$constraints" "${wanted[@]}"
if [ "$mode" = test ]; then
    pip_install -c "$constraints" --no-deps --group foreign
    checksum >.venv/installed-run.sha256
fi
checksum >"$stamp"
