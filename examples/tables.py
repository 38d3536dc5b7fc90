"""The demo's tables, for a terminal or for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measure import MB
from rich import box
from rich.console import Console
from rich.table import Table
from summary import conclusion, percent, ratio, resident

if TYPE_CHECKING:
    from runner import Demo, Result, Survival

PLAIN_WIDTH = 112  # columns, where there is no terminal to ask

KEY = (
    "MB are 2**20 bytes, at the end of the line: Pss less LazyFree. peak: the most while the line "
    "ran. live: in blocks handed out. held: resident, and no block uses it. returned: given back "
    "to the operating system by the line. The rest of Shoal's MB: code, stacks, the heap's records."
)


def console() -> Console:
    """Make standard output a console: without a terminal, plain and of one width."""
    plain = Console(highlight=False)
    if plain.is_terminal:
        return plain
    return Console(width=PLAIN_WIDTH, highlight=False, no_color=True)


def show(demo: Demo, out: Console) -> None:
    """Print every table and the conclusion."""
    documents = (demo.results or demo.survivals)[0].documents
    out.print(
        f"CPython {documents['own']['python']} on its own allocator (own) and on Shoal, "
        f"{demo.factor:g} of the article's sizes. {KEY}\n"
    )
    narrow = out.width < PLAIN_WIDTH
    for result in demo.results:
        out.print(_experiment(result, narrow=narrow), "")
    if demo.survivals:
        out.print(_survivors(demo.survivals, narrow=narrow), "")
    for sentence in conclusion(demo):
        out.print(sentence)


def _table(title: str, caption: str, *, narrow: bool) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        caption_style="dim",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 0) if narrow else (0, 1),
        pad_edge=False,
    )


def _columns(table: Table, first: str, *names: str) -> None:
    """Add a column of words and columns of figures to `table`."""
    table.add_column(first, justify="left", overflow="fold", min_width=14)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def _experiment(result: Result, *, narrow: bool) -> Table:
    one, count = result.experiment, result.count
    caption = f"{one.program}. This run: {count:,} elements."
    if any(one.article):
        caption = (
            f"{one.program}. This run: {count:,} elements. The article's column: "
            f"{one.count:,} elements on CPython 2.7, as printed there"
        )
        caption += "." if count == one.count else f"; this run is {count / one.count:g} of that."
    table = _table(f"{one.letter}. {one.title}", caption, narrow=narrow)
    _columns(
        table, "after the line", "article", "own", "own\npeak",
        "Shoal", "Shoal\npeak", "live", "held", "returned",
    )  # fmt: skip
    own, ours = (result.documents[side]["steps"] for side in ("own", "shoal"))
    before = 0
    for article, left, right in zip(one.article, own, ours):
        table.add_row(
            left["line"].replace("[", r"\["),
            article,
            _mb(left["resident"]),
            _mb(left["peak"]),
            _mb(right["resident"]),
            _mb(right["peak"]),
            _mb(right["live"]),
            _mb(right["held"]),
            "" if right["line"] == "start" else _mb(right["returned"] - before),
        )
        before = right["returned"]
    return table


def _survivors(rows: list[Survival], *, narrow: bool) -> Table:
    table = _table(
        "Kept by a few survivors",
        "survivors.py. Made, then all but a random share dropped. live by count: the survivors' "
        "own sizes and their slots in the list. Shoal / own: what each keeps above its start.",
        narrow=narrow,
    )
    _columns(
        table, "objects", "survive", "own\nstart", "own\nmade", "own\nkept", "live by\ncount",
        "Shoal\nstart", "Shoal\nmade", "Shoal\nkept", "held", "Shoal\n/ own",
    )  # fmt: skip
    for index, row in enumerate(rows):
        own, ours = row.documents["own"], row.documents["shoal"]
        first = index == 0 or rows[index - 1].kind != row.kind
        last = index + 1 == len(rows) or rows[index + 1].kind != row.kind
        table.add_row(
            f"{row.count:,} {row.kind}s" if first else "",
            percent(row.share),
            *_levels(own),
            _mb(own["facts"]["live_by_count"]),
            *_levels(ours),
            _mb(ours["steps"][-1]["held"]),
            _share(ratio(row)),
            end_section=last,
        )
    return table


def _levels(document: dict[str, Any]) -> list[str]:
    return [_mb(resident(document, step)) for step in (0, 1, 2)]


def _mb(figure: int | None) -> str:
    return "" if figure is None else f"{figure / MB:.1f}"


def _share(figure: float | None) -> str:
    return "" if figure is None else percent(figure)
