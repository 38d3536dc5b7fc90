#!/bin/sh
# Installs the Debian packages that a build needs and this machine lacks, and
# says which in one line. Nothing missing: no output, no change.
#
#   tools/system_packages.sh          what the package needs
#   tools/system_packages.sh tests    and what the C tests need
#   tools/system_packages.sh arm64    and what they need to run as on arm64
#   tools/system_packages.sh musl     and what they need to run on musl
set -eu

python=${PYTHON:-python3}
missing=
wanted=

need() { # need PACKAGE COMMAND...: PACKAGE is missing when COMMAND fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

want() { # want PACKAGE COMMAND...: the same for what the build can do without
    package=$1
    shift
    "$@" >/dev/null 2>&1 || wanted="$wanted $package"
}

# Whether the lists of packages are there, and have no such one.
is_unknown() { apt-cache show gcc >/dev/null 2>&1 && ! apt-cache show "$1" >/dev/null 2>&1; }

known() { # known PACKAGE...: prints those that can be had
    for package; do is_unknown "$package" || printf ' %s' "$package"; done
}

compiles() { # compiles COMPILER HEADER
    echo "#include <$2>" | "$1" -x "${3:-c}" -E -
}

has_file() { # has_file PATH...: one of them is there
    for path; do [ -f "$path" ] && return; done
    return 1
}

has_venv='import ensurepip, venv'
has_headers='import os, sysconfig
os.stat(os.path.join(sysconfig.get_paths()["include"], "Python.h"))'

need gcc command -v gcc
need libc6-dev compiles gcc stdlib.h
# For the floats of shoal.flat: the interpreter does what these would.
want g++ compiles g++ new c++
want libdragonbox-dev has_file /usr/include/dragonbox*/dragonbox/dragonbox.h
want libfast-float-dev compiles g++ fast_float/fast_float.h c++
if [ "$python" = python3 ]; then
    need python3 command -v python3
    need python3-venv python3 -c "$has_venv"
    need python3-dev python3 -c "$has_headers"
fi
if [ "${1:-}" = arm64 ]; then
    need qemu-user command -v qemu-aarch64
elif [ "${1:-}" = musl ]; then
    need musl-tools command -v musl-gcc
fi
if [ -n "${1:-}" ]; then
    need g++ compiles g++ new c++
    need pkg-config command -v pkg-config
    need libcmocka-dev pkg-config --exists cmocka
    # The suite python-debian, which is left out without them.
    if [ -x /usr/bin/python3 ]; then
        want python3-venv /usr/bin/python3 -c "$has_venv"
        want python3-dev /usr/bin/python3 -c "$has_headers"
    fi
fi

# shellcheck disable=SC2086 # lists of names
if command -v apt-get >/dev/null; then wanted=$(known $wanted); else wanted=; fi
[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || wanted=
[ -n "$missing$wanted" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "make: install these by hand, this machine has no apt-get:$missing" >&2
    exit 2
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "make: ask an administrator to install:$missing" >&2
        exit 2
    fi
    sudo=sudo
fi
echo "make: installing Debian packages:$missing$wanted"
$sudo apt-get update -q=2 >/dev/null
# shellcheck disable=SC2086
missing="$missing$(known $wanted)"
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # a list of names
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q=2 -y --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
