"""``shoal run --compact`` and ``SHOAL_COMPACT``."""

from __future__ import annotations

import pytest

SPARSE = """
import gc, time
from shoal import _compact, compacting_after
compacting_after.SHARE = 1
kept = [[i, str(i), float(i)] for i in range(200_000)][::10]
before = _compact.figures()[0]
gc.collect()
for i in range(100): time.sleep(0.001)
after = _compact.figures()[0]
assert kept == [[i, str(i), float(i)] for i in range(0, 200_000, 10)]
print(after < before / 2)
"""


def test_a_full_collection_is_followed_by_one(shoal):
    for options, expected in ((["--compact"], "True\n"), ([], "False\n")):
        done = shoal("run", *options, "-c", SPARSE)
        assert done.stderr == ""
        assert done.stdout == expected


def test_stress_after_every_so_many(shoal):
    done = shoal(
        "run",
        "-c",
        "import gc, time\nfrom shoal import compacting_after\n"
        "moved = []\n"
        "compacting_after.compact = lambda stress: moved.append(stress)\n"
        "for _ in range(30): gc.collect(0), time.sleep(0.001)\n"
        "print(moved)",
        env={"SHOAL_COMPACT": "stress:10"},
    )
    assert done.stderr == ""
    assert done.stdout == "[True, True, True]\n"


@pytest.mark.parametrize("value", ["2", "stress", "stress:0", "stress:x"])
def test_a_wrong_value_is_named(shoal, value):
    done = shoal("run", "-c", "print(1)", env={"SHOAL_COMPACT": value})
    assert done.stdout == "1\n"
    assert done.stderr == (
        f"shoal: SHOAL_COMPACT={value} has no effect: 1, 0 or stress:N is expected\n"
    )


def test_without_shoal_it_has_no_effect(plain):
    code = "import gc; print(gc.callbacks)"
    done = plain("-c", code, env={"SHOAL_COMPACT": "1"})
    assert (done.stdout, done.stderr) == ("[]\n", "")
