"""Experiment G: five million empty dicts in a list, and the list dropped."""

from __future__ import annotations

import measure


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=5_000_000))
    count = run.count

    dicts: list[dict[str, int]] = [{} for _ in range(count)]
    run.step("dicts = [{} for _ in range(count)]")

    del dicts
    run.step("del dicts")

    run.finish()


if __name__ == "__main__":
    main()
