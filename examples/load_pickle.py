"""Experiment C: read back what experiment B pickled, also with shoal.pickle, and drop it.

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

    # Not at the top: the line above is a program's that knows nothing of Shoal.
    import shoal.pickle

    run.step("import shoal.pickle")

    again = shoal.pickle.load(path)
    run.step("again = shoal.pickle.load(path)")
    assert again == records

    del again
    run.step("del again")

    del records
    run.step("del records")

    run.finish(records=read)


if __name__ == "__main__":
    main()
