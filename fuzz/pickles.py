"""Fuzzes shoal.pickle: ``pickles.py load|round_trip SECONDS [SEED]``.

load: streams of the corpus (fuzz/corpus/pickle_load), as they are and then changed at
random, are read from memory and from files; whatever comes of it is an exception or
an object, and where the standard module reads it too, an equal one; what it refuses for
its frames is refused. round_trip: random
graphs, first those of the seeds in fuzz/corpus/pickle_round_trip, have the same shape
after our dump as after the standard module's.

Nothing that a stream names is found but a few harmless builtins. What fails is
printed with the seed that makes it again. `fuzz/run.sh` runs both under sanitizers;
tests/python/serial/test_fuzz_targets.py replays the corpus.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import random
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import shoal.pickle as ours

CORPUS = Path(__file__).resolve().parent / "corpus"
ALLOWED = {"builtins.list", "builtins.set", "builtins.complex", "collections.OrderedDict"}
OPCODES = b"(.012FIJKLMNPQRSTUVXabcdefghijlopqrstu}])" + bytes(range(0x80, 0x99))
LENGTHS = [0, 1, 2, 255, 256, 65535, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1]


def change(choice: random.Random, data: bytearray, other: bytes) -> None:
    """Change a stream in one place, as one that knows a little of the format would."""
    at = choice.randrange(len(data) + 1)
    kind = choice.randrange(7)
    if kind == 0 and data:
        data[at % len(data)] = choice.randrange(256)
    elif kind == 1:
        data[at:at] = bytes([choice.choice(OPCODES)])
    elif kind == 2:
        del data[at : at + choice.randrange(1, 9)]
    elif kind == 3:
        start = choice.randrange(len(other) + 1)
        data[at:at] = other[start : start + choice.randrange(40)]
    elif kind == 4:
        length = choice.choice(LENGTHS)
        data[at : at + 4] = length.to_bytes(4, "little")
    elif kind == 5:
        length = choice.randrange(len(data) - at + 2)
        data[at:at] = pickle.FRAME + length.to_bytes(8, "little")
    else:
        data[at:at] = data[at : at + choice.randrange(60)]


class Careful(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """The standard module's in Python, for the one in C takes memory by the index."""

    def find_class(self, module: str, name: str) -> object:
        """Find what is harmless."""
        if f"{module}.{name}" not in ALLOWED:
            raise pickle.UnpicklingError(name)
        found: object = super().find_class(module, name)
        return found


def outcome(load: Callable[[], object]) -> str | None:
    """Return what was read, as text, or None after an exception."""
    with contextlib.suppress(Exception):
        return repr(load())[:100_000]
    return None


def breaks_frames(stream: bytes) -> bool:
    """Say whether the standard module finds that something crosses the end of a frame."""
    try:
        Careful(io.BytesIO(stream)).load()
    except pickle.UnpicklingError as error:
        return "end of" in str(error) and "frame" in str(error)
    except Exception:
        pass
    return False


def check_load(stream: bytes, share: bool = False, buffer: int = 64) -> None:
    """Read one stream in every way there is: AssertionError if they disagree."""
    options = {"allow": ALLOWED, "share": share}
    mine = outcome(lambda: ours.loads(stream, **options))
    through = outcome(lambda: ours.load(io.BufferedReader(io.BytesIO(stream), buffer), **options))
    plain = outcome(lambda: ours.load(io.BytesIO(stream), **options))
    if " at 0x" in f"{mine}{through}{plain}":
        return
    theirs = None
    if pickle.BYTEARRAY8 not in stream:  # allocated at its word
        theirs = outcome(lambda: Careful(io.BytesIO(stream)).load())
        if breaks_frames(stream) and (mine, through, plain) != (None, None, None):
            raise AssertionError(f"{stream!r}: {mine}, {through}, {plain} in spite of its frames")
    found = {one for one in (mine, through, plain, theirs) if one is not None}
    if len(found) > 1:
        raise AssertionError(f"{stream!r}: {found}")


def load_once(seed: int) -> None:
    """Read one changed stream."""
    choice, corpus = random.Random(seed), streams()
    data = bytearray(choice.choice(corpus))
    for _ in range(choice.choice((1, 1, 2, 4, 16))):
        change(choice, data, choice.choice(corpus))
    check_load(bytes(data), choice.random() < 0.3, choice.choice((16, 64, 8192)))


@cache
def streams() -> list[bytes]:
    """Return the corpus of load."""
    return [path.read_bytes() for path in sorted((CORPUS / "pickle_load").iterdir())]


@cache
def seeds() -> list[int]:
    """Return the corpus of round_trip."""
    return [int(path.read_text()) for path in sorted((CORPUS / "pickle_round_trip").iterdir())]


def grow(choice: random.Random, size: int) -> object:
    """Make a graph with sharing and cycles, that nothing else refers to."""
    made: list[object] = [None]
    for number in range(size):
        parts = [made[choice.randrange(len(made))] for _ in range(choice.randrange(5))]
        kind = choice.randrange(7)
        if kind == 0:
            made.append(parts)
        elif kind == 1:
            made.append(tuple(parts))
        elif kind == 2:
            made.append({f"key {choice.randrange(9)}": part for part in parts})
        elif kind == 3:
            made.append({f"item {choice.randrange(9)}" for _ in parts})
        elif kind == 4:
            made.append("".join(chr(choice.choice((65, 233, 0x416, 0x1F600))) for _ in parts))
        elif kind == 5:
            made.append(choice.choice((number, -number << 40, number / 3, b"x" * number)))
        for part in made[-3:]:
            if isinstance(part, list) and choice.random() < 0.3:
                part.append(made[choice.randrange(len(made))])
    return made[-1]


def shape(value: object, numbers: dict[int, int]) -> object:
    """Return the shape of a graph: what is in it, and what is the same object."""
    if value is None or isinstance(value, (int, float)):
        return value
    if id(value) in numbers:
        return ("again", numbers[id(value)])
    numbers[id(value)] = len(numbers)
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, dict):
        return [(shape(key, numbers), shape(part, numbers)) for key, part in value.items()]
    if isinstance(value, set):
        return ["set", *(shape(part, numbers) for part in sorted(value))]
    return [type(value).__name__, *(shape(part, numbers) for part in value)]  # type: ignore[attr-defined]


def round_trip_once(seed: int) -> None:
    """Write one graph with both modules and read it back."""
    choice = random.Random(seed)
    size, protocol = choice.randrange(60), choice.randrange(6)
    state = choice.getstate()

    def make() -> object:
        choice.setstate(state)
        return grow(choice, size)

    theirs = shape(pickle.loads(pickle.dumps(make(), protocol)), {})
    for stream in (ours.dumps(make(), protocol), ours.dumps(make(), protocol, exact=True)):
        for loads in (ours.loads, pickle.loads):
            if shape(loads(stream), {}) != theirs:
                raise AssertionError(f"{stream!r}: not {theirs}")


def replay(target: str) -> None:
    """Run a target on its corpus."""
    if target == "load":
        for stream in streams():
            for share in (False, True):
                check_load(stream, share)
    else:
        for seed in seeds():
            round_trip_once(seed)


TARGETS = {"load": load_once, "round_trip": round_trip_once}


def main(arguments: list[str]) -> int:
    """Run one target for a time and return the exit status."""
    if len(arguments) < 2 or arguments[0] not in TARGETS:
        print("pickles.py: load|round_trip SECONDS [SEED]", file=sys.stderr)
        return 2
    run, until = TARGETS[arguments[0]], time.monotonic() + float(arguments[1])
    seed = int(arguments[2]) if len(arguments) > 2 else time.time_ns()
    count = 0
    try:
        replay(arguments[0])
        while time.monotonic() < until or count == 0:
            run(seed + count)
            count += 1
    except Exception as error:
        print(f"pickles.py: {arguments[0]} 0 {seed + count} fails: {error}", file=sys.stderr)
        return 1
    print(f"pickles.py: {arguments[0]}: {count} runs, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
