"""Experiment D: build the tuples of B and write them one repr a line."""

from random import Random

import measure
from records import SEED, record


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.txt"))
    count, chance = run.count, Random(SEED)

    records = [record(chance) for _ in range(count)]
    run.step("records = [record() for _ in range(count)]")

    with run.arguments.file.open("w", encoding="ascii") as file:
        for entry in records:
            file.write(repr(entry) + "\n")
    run.step("for r in records: file.write(repr(r))")

    del records
    run.step("del records")

    run.finish()


if __name__ == "__main__":
    main()
