#!/bin/sh
# Fuzzes the heap, the mover of blocks, the reader of processes, the scanner of literals, that
# of columns, and shoal.pickle and shoal.flat both ways: fuzz/run.sh BUILD_FOLDER SECONDS
# PYTHON, a ninth of them each. Targets in C with libFuzzer when the build has it (clang), else at random;
# the modules under sanitizers in PYTHON. What the build has not, without the libraries it needs, is left out.
# New inputs that reach new paths stay in BUILD_FOLDER/corpus; an input that crashes
# is named at the end: add it to fuzz/corpus under a name that says what it shows.
set -eu
build=${1:?run.sh: no build folder given}
seconds=${2:?run.sh: no number of seconds given}
python=${3:?run.sh: no interpreter given}
here=$(dirname "$0")
part=$(((seconds + 8) / 9))

fuzz() { # TARGET LONGEST_INPUT
    if [ -x "$build/fuzz/fuzz_$1" ]; then
        mkdir -p "$build/corpus/$1"
        "$build/fuzz/fuzz_$1" -max_len="$2" -max_total_time="$part" \
            -artifact_prefix="$build/" "$build/corpus/$1" "$here/corpus/$1"
    elif [ -x "$build/fuzz/random_$1" ]; then
        "$build/fuzz/random_$1" "$here/corpus/$1" "$part"
    else
        echo "run.sh: this build has no $1"
    fi
}

if [ -x "$build/fuzz/fuzz_heap_ops" ]; then
    fuzz heap_ops 16384
else
    echo "run.sh: no libFuzzer in this build (it needs clang): random sequences instead"
    "$build/fuzz/random_heap_ops" "$part"
fi
fuzz mover 4096
fuzz inspect 262144
fuzz flat_scan 4096
fuzz flat_columns 4096

sanitizer=$("$here/build_modules.sh" "$python" "$build/modules")
for target in "pickles.py load" "pickles.py round_trip" "flat_lines.py load" "flat_lines.py round_trip"; do
    # What the interpreter never gives back at exit is no leak of ours.
    # shellcheck disable=SC2086 # a file and its argument
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 LD_PRELOAD=$sanitizer \
        PYTHONMALLOC=malloc PYTHONPATH=$build/modules \
        "$python" "$here"/$target "$part"
done
