"""Which floats the build has: `make test` runs the tests of this folder on both."""

from __future__ import annotations

import os
import subprocess
import sys

from shoal import _flat


def test_the_build_has_the_floats_that_are_to_be_tested() -> None:
    wanted = os.environ.get("SHOAL_TEST_FLOATS", _flat.FLOATS)
    ask = "from shoal import _flat; print(_flat.FLOATS)"
    child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert wanted in ("library", "python")
    assert (_flat.FLOATS, child.stdout.strip(), child.stderr) == (wanted, wanted, "")
