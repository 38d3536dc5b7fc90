"""The article's experiments: which program is which, and what it measured.

The article's figures are MB on CPython 2.7 with the article's own sizes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Experiment:
    """One experiment of the article.

    Attributes
    ----------
    letter, title
        What the tables call it.
    program
        The file in this directory.
    count
        How many elements the article's program had.
    article
        The article's figure for each step, ``start`` first: a level, or with
        a sign the increment of that line; empty where it gives none.
    data
        The file of records that the program writes or reads, if any.
    writer
        The letter of the experiment that writes `data` for this one to read.
    """

    letter: str
    title: str
    program: str
    count: int
    article: tuple[str, ...]
    data: str | None = None
    writer: str | None = None


EXPERIMENTS = (
    Experiment(
        "A",
        "deepcopy of a list of ints",
        "deepcopy_list.py",
        1_000_000,
        ("9.11", "40.05", "89.73", "82.10", ""),
    ),
    Experiment(
        "B",
        "build tuples, pickle.dump",
        "build_tuples.py",
        1_000_000,
        ("9.33", "246.11", "+235.54", ""),
        data="records.pickle",
    ),
    Experiment(
        "C",
        "pickle.load",
        "load_pickle.py",
        1_000_000,
        ("", "+301.83", ""),
        data="records.pickle",
        writer="B",
    ),
    Experiment(
        "D",
        "one repr a line to a flat file, by repr and by shoal.flat",
        "write_lines.py",
        1_000_000,
        ("", "", "+62.18", "", ""),
        data="records.txt",
    ),
    Experiment(
        "E",
        "the flat file read with shoal.flat and with eval",
        "read_lines.py",
        1_000_000,
        ("", "", "", "+291.66", ""),
        data="records.txt",
        writer="D",
    ),
    Experiment(
        "F",
        "small objects in a list, list dropped",
        "small_objects.py",
        5_000_000,
        ("", "1820", "1490"),
    ),
    Experiment(
        "G",
        "empty dicts in a list, list dropped",
        "empty_dicts.py",
        5_000_000,
        ("", "1400", "15"),
    ),
)

SURVIVORS = "S"
"""The letter of the last table, which is not the article's."""

SURVIVORS_PROGRAM = "survivors.py"

KINDS = {"float": 3_000_000, "str": 2_000_000, "dict": 1_000_000, "object": 1_000_000}
"""The kinds of object that survivors.py makes, and how many at full size."""

SHARES = (0.001, 0.02, 0.10)
"""The shares that survive."""

LETTERS = (*(experiment.letter for experiment in EXPERIMENTS), SURVIVORS)
