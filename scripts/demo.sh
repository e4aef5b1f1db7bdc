#!/usr/bin/env bash
# Set up a virtual environment of this clone's own and segment the bundled sample tissue.
# Writes demo_output/ in the clone. Needs no input and no display. Options go to `napari-selfreg demo`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/environment.sh run
.venv/bin/napari-selfreg demo "$@"
if ! bash scripts/system-libraries.sh window; then
    echo "The demo needed none of them; the window does." >&2
fi
echo
echo "Open the window with: .venv/bin/napari-selfreg"
