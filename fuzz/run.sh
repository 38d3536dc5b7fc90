#!/bin/sh
# Fuzzes the heap: fuzz/run.sh BUILD_FOLDER SECONDS. With libFuzzer when the
# build has it (clang), else with random sequences. New inputs that reach new
# paths stay in BUILD_FOLDER/corpus; an input that crashes is named at the end:
# add it to fuzz/corpus under a name that says what it shows.
set -eu
build=${1:?run.sh: no build folder given}
seconds=${2:?run.sh: no number of seconds given}
here=$(dirname "$0")

if [ -x "$build/fuzz/fuzz_heap_ops" ]; then
    mkdir -p "$build/corpus/heap_ops"
    exec "$build/fuzz/fuzz_heap_ops" -max_len=16384 -max_total_time="$seconds" \
        -artifact_prefix="$build/" "$build/corpus/heap_ops" "$here/corpus/heap_ops"
fi
echo "run.sh: no libFuzzer in this build (it needs clang): random sequences instead"
exec "$build/fuzz/random_heap_ops" "$seconds"
