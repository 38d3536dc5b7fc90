"""The call of a test alone, without what surrounds it."""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager

import pytest
from _pytest.unittest import TestCaseFunction  # pytest has it under no other name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["Refusing", "around_call"]


class Refusing:
    """Fails tests whose marks make no sense.

    Parameters
    ----------
    wrong : dict of str to str
        By node id, what is wrong with a test's marks. Only a worker of
        pytest-xdist, which cannot end the run, gets any.
    """

    def __init__(self, wrong: dict[str, str]) -> None:
        self._wrong = wrong

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Refuse a test."""
        if item.nodeid in self._wrong:
            pytest.fail(self._wrong[item.nodeid], pytrace=False)


@contextmanager
def around_call(
    item: pytest.Item, begin: Callable[[], None], end: Callable[[], None]
) -> Iterator[None]:
    """Begin and end with a test's function, while pytest runs it.

    Around it there is what pytest does and, of unittest, setUp and tearDown. One
    that is skipped is never begun. Items that are no functions are taken whole.
    """
    if not isinstance(item, pytest.Function):
        begin()
        try:
            yield
        finally:
            end()
        return
    function, instance = item.obj, item.instance
    item.obj = _wrapped(function, begin, end)
    if isinstance(item, TestCaseFunction):
        setattr(instance, item.name, item.obj)  # pytest does so, but not for coroutines.
    try:
        yield
    finally:
        item.obj = function
        if isinstance(item, TestCaseFunction):
            vars(instance).pop(item.name, None)


def _wrapped(
    function: Callable[..., Any], begin: Callable[[], None], end: Callable[[], None]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        begin()
        try:
            return function(*args, **kwargs)
        finally:
            end()

    @functools.wraps(function)
    async def call_coroutine(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        begin()
        try:
            return await function(*args, **kwargs)
        finally:
            end()

    return call_coroutine if inspect.iscoroutinefunction(function) else call
