"""Random graphs of objects are what they were: what they hold, and who is whom."""

from __future__ import annotations

import re
from pathlib import Path

GRAPHS = Path(__file__).with_name("graphs.py")


def test_graphs_are_as_they_were(shoal):
    done = shoal("run", str(GRAPHS), "1", "5")
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(r"(\d+) graphs as they were, (\d+) objects moved a graph\n", done.stdout)
    assert found
    assert int(found[1]) >= 1
    assert int(found[2]) > 1000
