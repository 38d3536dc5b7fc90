"""Experiment E: read back the lines of D, and drop them: with shoal.flat, with eval for each.

Give it only the file that write_lines.py wrote: eval runs what it reads; shoal.flat does not.
"""

import measure
from shoal import flat


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=1_000_000, file="records.txt"))
    path = measure.open_input(run, "write_lines.py")

    with path.open("rb") as file:
        records = flat.load(file)
    run.step("records = flat.load(file)")

    del records
    run.step("del records")

    with path.open(encoding="ascii") as file:
        records = [eval(line) for line in file]
    run.step("records = [eval(line) for line in file]")
    read = len(records)

    del records
    run.step("del records")

    run.finish(records=read)


if __name__ == "__main__":
    main()
