"""JSON files that this package wrote, read back: bounded, and what is wrong in one line.

What a file says is not believed. What each value must be is checked by the module that
knows the schema; it raises its own kind of `BadJSONError`.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, NoReturn, TypeVar

    T = TypeVar("T")

    Pairs = list[tuple[str, Any]]
    """The keys of an object with their values, in the order of the text."""

__all__ = ["BadJSONError", "parse", "read"]


class BadJSONError(ValueError):
    """What is wrong with a file, in one line for the user.

    Each kind of file has its own subclass.

    Attributes
    ----------
    kind : str
        What the file should be: ``"snapshot"``.
    """

    kind: ClassVar[str]


def read(path: str | os.PathLike[str], most: int, wrong: type[BadJSONError]) -> bytes:
    """Return what is in a file of at most `most` bytes.

    Raises
    ------
    BadJSONError
        It is larger; of the type `wrong`, and names the file.
    OSError
        It cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        limit = f"{most >> 20} MiB"
        raise wrong(f"{os.fsdecode(path)}: larger than a {wrong.kind} can be ({limit})")
    return data


def parse(
    data: str | bytes,
    name: str,
    make: Callable[[object], T],
    wrong: type[BadJSONError],
    pairs: Callable[[Pairs], dict[str, Any]] | None = None,
) -> T:
    """Return what `make` makes of JSON.

    Parameters
    ----------
    data : str or bytes
        JSON; bytes are UTF-8.
    name : str
        What the error message calls it.
    make : callable
        Checks what the JSON says; raises `wrong`.
    wrong : type of BadJSONError
        What is raised.
    pairs : callable, optional
        Makes the dict of an object; raises `wrong`. Without it the last of two equal
        keys counts.

    Raises
    ------
    BadJSONError
        It is no JSON, or `make` or `pairs` refused it; the message begins with `name`.
    """

    def no_number(constant: str) -> NoReturn:
        raise wrong(f"{constant} is not a figure")

    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return make(json.loads(text, object_pairs_hook=pairs, parse_constant=no_number))
    except UnicodeDecodeError as error:
        reason = f"not JSON: byte {error.start} is not UTF-8"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = f"not a {wrong.kind}: nested too deeply"
    except wrong as error:
        reason = str(error)
    except ValueError as error:
        # Such as a number of more digits than Python reads.
        reason = f"not a {wrong.kind}: {error}"
    raise wrong(f"{name}: {reason}")
