"""Experiment E: read back the lines of D, with eval for each, and drop them.

Give it only the file that write_lines.py wrote: eval runs what it reads.
"""

import measure


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.txt"))
    path = measure.open_input(run, "write_lines.py")

    with path.open(encoding="ascii") as file:
        records = [eval(line) for line in file]
    run.step("records = [eval(line) for line in file]")
    read = len(records)

    del records
    run.step("del records")

    run.finish(records=read)


if __name__ == "__main__":
    main()
