"""Experiment C: read back what experiment B pickled, and drop it.

Give it only the file that build_tuples.py wrote: a pickle can run code.
"""

import pickle

import measure


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.pickle"))
    path = measure.open_input(run, "build_tuples.py")

    with path.open("rb") as file:
        records = pickle.load(file)
    run.step("records = pickle.load(file)")
    read = len(records)

    del records
    run.step("del records")

    run.finish(records=read)


if __name__ == "__main__":
    main()
