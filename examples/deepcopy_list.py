"""Experiment A: a list of ints, its deep copy, and dropping them again.

The ints are shared, not copied, so the copy needs 8 bytes an element. On
CPython 2.7 the line cost six times that: see docs/experiments.md.
"""

import copy

import measure


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000))
    count = run.count

    x = list(range(count))
    run.step("x = list(range(count))")

    y = copy.deepcopy(x)
    run.step("y = copy.deepcopy(x)")

    del x
    run.step("del x")

    del y
    run.step("del y")

    run.finish()


if __name__ == "__main__":
    main()
