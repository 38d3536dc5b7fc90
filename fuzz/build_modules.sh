#!/bin/sh
# Builds shoal.pickle and shoal.flat for fuzzing, under sanitizers: fuzz/build_modules.sh
# PYTHON FOLDER. FOLDER gets a package `shoal` that has nothing but them; put it on
# PYTHONPATH, and preload what this prints, for the interpreter is not built with sanitizers.
set -eu
python=${1:?build_modules.sh: no interpreter given}
folder=${2:?build_modules.sh: no folder given}
root=$(dirname "$0")/..
cc=${CC:-cc}

mkdir -p "$folder/shoal"
for part in pickle flat _progress.py _replacing.py; do
    cp -R "$root/python/shoal/$part" "$folder/shoal/"
done
: > "$folder/shoal/__init__.py"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')

build() { # MODULE, ITS SOURCES
    module=$1
    shift
    "$cc" -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
        -fno-omit-frame-pointer -shared -fPIC -fvisibility=hidden \
        -I"$include" -I"$root/include" -I"$root/src" \
        "$@" "$root"/src/python/common/*.c "$root"/src/base/*.c -o "$folder/shoal/$module.so"
}

pickle_sources=$(ls "$root"/src/serial/*.c | grep -v /flat_)
flat_sources=$(ls "$root"/src/serial/*.c)
# shellcheck disable=SC2086 # lists
build _serial "$root"/src/python/serial/*.c $pickle_sources
# shellcheck disable=SC2086
build _flat "$root"/src/python/flat/*.c $flat_sources
"$cc" -print-file-name=libasan.so
