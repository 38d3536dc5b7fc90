"""Experiment F: five million small objects in a list, and the list dropped."""

import measure


class Thing:
    """An object of a class of one's own, with two attributes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.weight = number / 2


def main() -> None:
    run = measure.begin(measure.options(__doc__, count=5_000_000))
    count = run.count

    things = [Thing(i) for i in range(count)]
    run.step("things = [Thing(i) for i in range(count)]")

    del things
    run.step("del things")

    run.finish()


if __name__ == "__main__":
    main()
