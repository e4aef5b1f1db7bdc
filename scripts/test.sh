#!/usr/bin/env bash
# Set up the test environment and run every test on a virtual screen: the window with PyQt6 first,
# then the whole suite with PySide6. Options go to pytest in both runs.
# Two processes share the tests, each on a screen of its own; `-n 4` takes four, `-n 0` none, which
# is slower and shows what tests print (`-s`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/environment.sh test
if ! bash scripts/system-libraries.sh window screen; then
    [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}" ] && exit 1
fi
unset QT_QPA_PLATFORM  # the offscreen platform has no OpenGL
unset PYTHONDONTWRITEBYTECODE  # compiled once, the tests start in half the time
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}  # threads of two processes only wait for each other
export PYTEST_XDIST_AUTO_NUM_WORKERS=${PYTEST_XDIST_AUTO_NUM_WORKERS:-2}

run_pytest() { # binding, then pytest's own arguments
    local binding=$1
    shift
    echo "== Tests with $binding"
    QT_API=$binding PYTEST_QT_API=$binding .venv/bin/python -m pytest -n auto --dist worksteal "$@"
}

window=0
everything=0
run_pytest pyqt6 tests/widgets tests/e2e tests/test_manifest.py tests/test_start_order.py "$@" || window=$?
run_pytest pyside6 "$@" || everything=$?
if [ "$window" -ne 0 ]; then
    echo "The tests of the window failed with PyQt6: see above." >&2
fi
exit $((window != 0 || everything != 0))
