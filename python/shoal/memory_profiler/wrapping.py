"""Wraps whatever `def` and `async def` make, so that something happens around each run.

An activation is one call of a function; for a generator or coroutine it lasts
from its first step to its last. It runs between `enter` and `leave`: once for a
plain function, once a step for one that is suspended in between, so that what
others do meanwhile is not taken for its own.
"""

from __future__ import annotations

import functools
import inspect
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

__all__ = ["Activation", "wrap"]


class Activation:
    """One call of a wrapped function. Does nothing; others override what they need."""

    function: Callable[..., Any]
    """What is called; its calls are this activation."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def enter(self) -> None:
        """Be told that it begins or goes on."""

    def leave(self) -> None:
        """Be told that it is suspended or over."""

    def end(self) -> None:
        """Be told that it is over, after `leave`."""


def wrap(function: Any, begin: Callable[[], Activation]) -> Any:
    """Return a function of the same kind with activations around its calls.

    Parameters
    ----------
    function : callable, staticmethod or classmethod
        Plain, generator, coroutine or async generator function.
    begin : callable
        Makes the activation of a call, at its first step.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(wrap(function.__func__, begin))
    if inspect.iscoroutinefunction(function):
        wrapper = _of_coroutine(begin)
    elif inspect.isasyncgenfunction(function):
        wrapper = _of_async_generator(begin)
    elif inspect.isgeneratorfunction(function):
        wrapper = _of_generator(begin)
    else:
        wrapper = _of_function(begin)
    return functools.wraps(function)(wrapper)


def _of_function(begin: Callable[[], Activation]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kw: Any) -> Any:
        activation = begin()
        try:
            return _called(activation, args, kw)
        finally:
            activation.end()

    return wrapper


def _of_generator(begin: Callable[[], Activation]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kw: Any) -> Generator[Any, Any, Any]:
        activation = begin()
        try:
            return (yield from _Steps(activation, _called(activation, args, kw)))
        finally:
            activation.end()

    return wrapper


def _of_coroutine(begin: Callable[[], Activation]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kw: Any) -> Any:
        activation = begin()
        try:
            return await _stepping(activation, _called(activation, args, kw))
        finally:
            activation.end()

    return wrapper


def _of_async_generator(begin: Callable[[], Activation]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kw: Any) -> AsyncGenerator[Any, Any]:
        activation = begin()
        try:
            generator = _called(activation, args, kw)
            step = generator.__anext__()
            while True:
                try:
                    item = await _stepping(activation, step)
                except StopAsyncIteration:
                    return
                try:
                    step = generator.asend((yield item))
                except GeneratorExit:
                    await _stepping(activation, generator.aclose())
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
        finally:
            activation.end()

    return wrapper


def _called(activation: Activation, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    """Call the function; for a generator or coroutine this is its first run, an empty one."""
    activation.enter()
    try:
        return activation.function(*args, **kw)
    finally:
        activation.leave()


class _Steps:
    """A generator or what `await` iterates over, whose steps are the activation's runs."""

    def __init__(self, activation: Activation, steps: Any) -> None:
        self._activation = activation
        self._steps = steps

    def __iter__(self) -> _Steps:
        return self

    def __next__(self) -> Any:
        return self._step(self._steps.__next__)

    def send(self, value: Any) -> Any:
        return self._step(self._steps.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._steps.throw, *error)

    def close(self) -> None:
        self._step(self._steps.close)

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        self._activation.enter()
        try:
            return step(*args)
        finally:
            self._activation.leave()


@types.coroutine
def _stepping(activation: Activation, awaitable: Any) -> Generator[Any, Any, Any]:
    return (yield from _Steps(activation, awaitable.__await__()))
