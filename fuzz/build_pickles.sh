#!/bin/sh
# Builds shoal.pickle for fuzzing, under sanitizers: fuzz/build_pickles.sh PYTHON FOLDER.
# FOLDER gets a package `shoal` that has nothing but it; put it on PYTHONPATH, and
# preload what this prints, for the interpreter is not built with sanitizers.
set -eu
python=${1:?build_pickles.sh: no interpreter given}
folder=${2:?build_pickles.sh: no folder given}
here=$(dirname "$0")
cc=${CC:-cc}

mkdir -p "$folder/shoal"
cp -R "$here/../python/shoal/pickle" "$folder/shoal/"
: > "$folder/shoal/__init__.py"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
"$cc" -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer -shared -fPIC -fvisibility=hidden -I"$include" -I"$here/../include" -I"$here/../src" \
    "$here"/../src/python/serial/*.c "$here"/../src/serial/*.c \
    "$here"/../src/base/*.c -o "$folder/shoal/_serial.so"
"$cc" -print-file-name=libasan.so
