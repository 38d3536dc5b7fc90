"""Experiment B: build a list of tuples, pickle it to a file, drop it.

The pickler keeps a memo of every object it has written, so that an object met
twice is written once. The peak of that line shows what the memo costs. shoal.pickle
writes the same again, without one.
"""

import pickle
from random import Random

import measure
from records import SEED, record


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.pickle"))
    count, chance = run.count, Random(SEED)

    records = [record(chance) for _ in range(count)]
    run.step("records = [record() for _ in range(count)]")

    with run.arguments.file.open("wb") as file:
        pickle.dump(records, file)
    run.step("pickle.dump(records, file)")

    # Not at the top: the lines above are a program's that knows nothing of Shoal.
    import shoal.pickle

    run.step("import shoal.pickle")

    shoal.pickle.dump(records, run.arguments.file.with_suffix(".shoal"))
    run.step("shoal.pickle.dump(records, path)")

    del records
    run.step("del records")

    run.finish()


if __name__ == "__main__":
    main()
