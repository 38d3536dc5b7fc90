#!/bin/sh
# Installs the Debian packages that a build needs and this machine lacks, and
# says which in one line. Nothing missing: no output, no change.
#
#   tools/system_packages.sh          what the package needs
#   tools/system_packages.sh tests    and what the C tests need
set -eu

python=${PYTHON:-python3}
missing=

need() { # need PACKAGE COMMAND...: PACKAGE is missing when COMMAND fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

compiles() { # compiles COMPILER HEADER
    echo "#include <$2>" | "$1" -x "${3:-c}" -E -
}

has_file() { # has_file PATH...: one of them is there
    for path; do [ -f "$path" ] && return; done
    return 1
}

need gcc command -v gcc
need libc6-dev compiles gcc stdlib.h
# For the floats of shoal.flat, which do without where they cannot be had.
need g++ compiles g++ new c++
need libdragonbox-dev has_file /usr/include/dragonbox*/dragonbox/dragonbox.h
need libfast-float-dev compiles g++ fast_float/fast_float.h c++
if [ "$python" = python3 ]; then
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
    need python3-dev python3 -c 'import os, sysconfig
os.stat(os.path.join(sysconfig.get_paths()["include"], "Python.h"))'
fi
if [ "${1:-}" = tests ]; then
    need pkg-config command -v pkg-config
    need libcmocka-dev pkg-config --exists cmocka
fi

[ -n "$missing" ] || exit 0

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
echo "make: installing Debian packages:$missing"
$sudo apt-get update -q=2 >/dev/null
# shellcheck disable=SC2086 # a list of names
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q=2 -y --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
