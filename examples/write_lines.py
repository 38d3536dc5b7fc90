"""Experiment D: build the tuples of B and write them one repr a line, twice.

By repr, as the article did it, and by shoal.flat; the files are the same.
"""

from random import Random

import measure
from records import SEED, record
from shoal import flat


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.txt"))
    count, chance = run.count, Random(SEED)

    records = [record(chance) for _ in range(count)]
    run.step("records = [record() for _ in range(count)]")

    with run.arguments.file.open("w", encoding="ascii") as file:
        for entry in records:
            file.write(repr(entry) + "\n")
    run.step("for r in records: file.write(repr(r))")

    with run.arguments.file.open("wb") as file:
        flat.dump(records, file)
    run.step("flat.dump(records, file)")

    del records
    run.step("del records")

    run.finish()


if __name__ == "__main__":
    main()
