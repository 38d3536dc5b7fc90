from collections.abc import Callable
from typing import TypedDict

class Moved(TypedDict):
    blocks: int
    live_bytes: int
    movable_blocks: int
    movable_bytes: int
    emptied_bytes: int
    moved_objects: int
    moved_tables: int
    moved_bytes: int
    stale_words: int
    disagreeing: int
    table_bytes: int
    seconds: dict[str, float]
    stayed: list[tuple[str | None, int, int, int]]

def figures() -> tuple[int, int, int, int]: ...
def is_direct() -> bool: ...
def is_collecting() -> bool: ...
def prove() -> None: ...
def move(everything: bool, dry_run: bool, /) -> Moved: ...
def soon(function: Callable[[], object], /) -> bool: ...
