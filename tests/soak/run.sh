#!/bin/sh
# The long run: tests/soak/run.sh BUILD_FOLDER SECONDS [THREADS].
set -eu
exec "${1:?run.sh: no build folder given}/tests/soak/soak" "${2:-120}" "${3:-4}"
