#!/bin/sh
# Fuzzes the heap, the reader of processes, that of columns and the scanner of literals:
# fuzz/run.sh BUILD_FOLDER SECONDS, a quarter of them each. With libFuzzer when the build
# has it (clang), else at random.
# New inputs that reach new paths stay in BUILD_FOLDER/corpus; an input that crashes
# is named at the end: add it to fuzz/corpus under a name that says what it shows.
set -eu
build=${1:?run.sh: no build folder given}
seconds=${2:?run.sh: no number of seconds given}
here=$(dirname "$0")
part=$((seconds / 4))

fuzz() { # TARGET LONGEST_INPUT
    mkdir -p "$build/corpus/$1"
    "$build/fuzz/fuzz_$1" -max_len="$2" -max_total_time="$part" \
        -artifact_prefix="$build/" "$build/corpus/$1" "$here/corpus/$1"
}

if [ -x "$build/fuzz/fuzz_heap_ops" ]; then
    fuzz heap_ops 16384
    fuzz inspect 262144
    if [ -x "$build/fuzz/fuzz_flat_scan" ]; then
        fuzz flat_scan 4096
        fuzz flat_columns 4096
    fi
    exit
fi
echo "run.sh: no libFuzzer in this build (it needs clang): random sequences instead"
"$build/fuzz/random_heap_ops" "$part"
"$build/fuzz/random_inspect" "$here/corpus/inspect" "$part"
if [ -x "$build/fuzz/random_flat_scan" ]; then
    "$build/fuzz/random_flat_scan" "$here/corpus/flat_scan" "$part"
    "$build/fuzz/random_flat_columns" "$here/corpus/flat_columns" "$part"
fi
