#!/usr/bin/env bash
# Install from a folder of wheels where there is no network, and run the demo there.
#   bash scripts/test-offline.sh [DIR]    DIR keeps the wheels for the next time
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
readonly wheels=${1:-$scratch/wheels}

without_network=(unshare --net)
unshare --net true 2>/dev/null || without_network=(unshare --map-root-user --net)
if ! "${without_network[@]}" true 2>/dev/null; then
    echo "No network namespace may be made here: only pip's --no-index keeps the network away." >&2
    without_network=()
fi

bash scripts/environment.sh wheels "$wheels"
.venv/bin/python -m venv "$scratch/venv"
# pip's own settings may name folders and indexes that a machine without network lacks.
unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
"${without_network[@]}" "$scratch/venv/bin/python" -m pip install --quiet --no-compile \
    --no-index --find-links "$wheels" -c constraints/py311.txt 'napari-selfreg[all]'
cd "$scratch"
"${without_network[@]}" venv/bin/napari-selfreg demo
ls demo_output
echo "Installed and ran without network."
