#!/bin/sh
# Fuzzes the heap, the reader of processes, the scanner of literals and shoal.pickle:
# fuzz/run.sh BUILD_FOLDER SECONDS PYTHON, a fifth of them each, pickles both ways. The
# first three with libFuzzer when the build has it (clang), else at random; pickles under
# sanitizers in PYTHON.
# New inputs that reach new paths stay in BUILD_FOLDER/corpus; an input that crashes
# is named at the end: add it to fuzz/corpus under a name that says what it shows.
set -eu
build=${1:?run.sh: no build folder given}
seconds=${2:?run.sh: no number of seconds given}
python=${3:?run.sh: no interpreter given}
here=$(dirname "$0")
part=$(((seconds + 4) / 5))

fuzz() { # TARGET LONGEST_INPUT
    mkdir -p "$build/corpus/$1"
    "$build/fuzz/fuzz_$1" -max_len="$2" -max_total_time="$part" \
        -artifact_prefix="$build/" "$build/corpus/$1" "$here/corpus/$1"
}

if [ -x "$build/fuzz/fuzz_heap_ops" ]; then
    fuzz heap_ops 16384
    fuzz inspect 262144
    if [ -x "$build/fuzz/fuzz_flat_scan" ]; then fuzz flat_scan 4096; fi
else
    echo "run.sh: no libFuzzer in this build (it needs clang): random sequences instead"
    "$build/fuzz/random_heap_ops" "$part"
    "$build/fuzz/random_inspect" "$here/corpus/inspect" "$part"
    if [ -x "$build/fuzz/random_flat_scan" ]; then
        "$build/fuzz/random_flat_scan" "$here/corpus/flat_scan" "$part"
    fi
fi

sanitizer=$("$here/build_pickles.sh" "$python" "$build/pickles")
for target in load round_trip; do
    # What the interpreter never gives back at exit is no leak of ours.
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 LD_PRELOAD=$sanitizer \
        PYTHONMALLOC=malloc PYTHONPATH=$build/pickles \
        "$python" "$here/pickles.py" "$target" "$part"
done
