"""Counts references to objects that the interpreter has on its stack, form by form.

A program: prints the forms of an expression in which an object has fewer references than
its container and the stack would make. What is on the stack need not be counted there
since 3.14, if something that outlives the expression counts it. One form is left out: what
a C function is given by `*items` has the tuple's reference alone, on every version. So a
root is never taken for sole.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

RUNS = 6_000
"""Of each form: enough for it to be specialised, and compiled where the interpreter can."""

refs = sys.getrefcount
FORMS: list[Callable[[], int]] = []
KEPT: Any = None


def form(function: Callable[[], int]) -> Callable[[], int]:
    FORMS.append(function)
    return function


def count(address: int) -> int:
    """Return the references of the object there, without taking one."""
    return ctypes.c_uint32.from_address(address).value


class Holder:
    def __init__(self) -> None:
        self.kept = [0]


class Slots:
    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = [0]


def second(first: Any, other: int) -> int:
    return other


# ---- What a C function is given ------------------------------------------------------


@form
def item_of_a_list() -> int:
    items = [[0]]
    return refs(items[0])


@form
def last_item_of_a_list() -> int:
    items = [1, [0]]
    return refs(items[-1])


@form
def item_of_a_tuple() -> int:
    items = ([0],)
    return refs(items[0])


@form
def item_of_a_dict() -> int:
    items = {"a": [0]}
    return refs(items["a"])


@form
def item_of_an_item() -> int:
    items = [{"a": [0]}]
    return refs(items[0]["a"])


@form
def attribute() -> int:
    holder = Holder()
    return refs(holder.kept)


@form
def attribute_in_a_slot() -> int:
    holder = Slots()
    return refs(holder.kept)


@form
def attribute_of_a_class() -> int:
    class Made:
        kept = [0]  # noqa: RUF012

    return refs(Made.kept)


@form
def global_name() -> int:
    global KEPT
    KEPT = [0]
    return refs(KEPT)


@form
def what_a_loop_gives() -> int:
    return min([refs(each) for each in [[0], [1]]])


@form
def what_a_generator_gives() -> int:
    return next(refs(each) for each in ([0],))


# ---- What the container has meanwhile --------------------------------------------------


@form
def local_too() -> int:
    item = [0]
    items = [item]
    return count(id(item)) if items else 0


@form
def argument_of_a_callee() -> int:
    def callee(item: Any, items: Any) -> int:
        return count(id(item))

    items = [[0]]
    return callee(items[0], items)


@form
def on_the_stack_of_a_list() -> int:
    items = [[0]]
    address = id(items[0])
    return second(items[0], count(address))


@form
def on_the_stack_of_a_tuple() -> int:
    items = ([0],)
    address = id(items[0])
    return (items[0], count(address))[1]


@form
def on_the_stack_of_a_dict() -> int:
    items = {"a": [0]}
    address = id(items["a"])
    return (items["a"], count(address))[1]


@form
def on_the_stack_of_an_instance() -> int:
    holder = Holder()
    address = id(holder.kept)
    return (holder.kept, count(address))[1]


@form
def on_the_stack_of_a_loop() -> int:
    items = [[0]]
    address, found = id(items[0]), 0
    for each in items:
        found = (each, count(address))[1]
    return found


@form
def on_the_stack_of_a_generator() -> int:
    items = [[0]]
    address = id(items[0])

    def suspended() -> Any:
        yield (items[0], (yield 1))[0]

    generator = suspended()
    next(generator)
    found = count(address)
    generator.close()
    return found


@form
def matched() -> int:
    items = [[0]]
    address = id(items[0])
    match items:
        case [each]:
            return (each, count(address))[1]
    return 0


@form
def named_in_a_condition() -> int:
    items = [[0]]
    return count(id(each)) if (each := items[0]) else 0


def main() -> None:
    for each in FORMS:
        least = min(each() for _ in range(RUNS))
        if least < 2:
            print(f"{each.__name__}: {least}")
    # What nothing but a list holds has one reference: else no form would tell.
    items = [[0]]
    print("a slot alone:", count(id(items[0])))


if __name__ == "__main__":
    main()
