#!/usr/bin/env bash
# Install the system libraries that are missing on Debian and Ubuntu; elsewhere do nothing.
#   bash scripts/system-libraries.sh [window] [screen] [PACKAGE ...]
# window: what Qt and OpenGL need to open a window; screen: a virtual one; else a package by name.
# With no right to install, the exact line is printed and the exit code is 1.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0
command -v apt-get >/dev/null || exit 0

# The library each package brings: packages change their names between releases, libraries do not.
readonly window_libraries="
libglib-2.0.so.0:libglib2.0-0 libEGL.so.1:libegl1 libGL.so.1:libgl1 libOpenGL.so.0:libopengl0
libfontconfig.so.1:libfontconfig1 libdbus-1.so.3:libdbus-1-3 libX11-xcb.so.1:libx11-xcb1
libxkbcommon.so.0:libxkbcommon0 libxkbcommon-x11.so.0:libxkbcommon-x11-0
libxcb-cursor.so.0:libxcb-cursor0 libxcb-glx.so.0:libxcb-glx0 libxcb-icccm.so.4:libxcb-icccm4
libxcb-image.so.0:libxcb-image0 libxcb-keysyms.so.1:libxcb-keysyms1
libxcb-randr.so.0:libxcb-randr0 libxcb-render.so.0:libxcb-render0
libxcb-render-util.so.0:libxcb-render-util0 libxcb-shape.so.0:libxcb-shape0
libxcb-shm.so.0:libxcb-shm0 libxcb-sync.so.1:libxcb-sync1 libxcb-util.so.1:libxcb-util1
libxcb-xfixes.so.0:libxcb-xfixes0 libxcb-xkb.so.1:libxcb-xkb1"

PATH=$PATH:/sbin:/usr/sbin
known=$(ldconfig -p)
missing=()

has_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

need_window() {
    local pair
    for pair in $window_libraries; do
        grep -qF "	${pair%%:*} " <<<"$known" || missing+=("${pair##*:}")
    done
    has_package libgl1-mesa-dri || missing+=(libgl1-mesa-dri)
}

for wanted in "$@"; do
    case $wanted in
        window) need_window ;;
        screen) command -v Xvfb >/dev/null || missing+=(xvfb) ;;
        *) has_package "$wanted" || missing+=("$wanted") ;;
    esac
done
[ "${#missing[@]}" -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "These system libraries are missing; install them with:" >&2
        echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo -n)
fi
echo "== Installing system libraries: ${missing[*]}"
apt() { ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"; }
apt update >/dev/null || true
if ! apt install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "apt-get could not install them; try:" >&2
    echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
