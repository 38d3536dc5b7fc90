"""Pickles, written and read in C; see src/python/serial/_serial.c."""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pickle import PickleBuffer
from typing import Any, Protocol

class WritableFile(Protocol):
    def write(self, data: bytes, /) -> object: ...

class ReadableFile(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self) -> bytes: ...

class Pickler:
    bin: int
    fast: int
    memo: Any
    dispatch_table: Mapping[type, Callable[[Any], Any]]
    def __init__(
        self,
        file: WritableFile,
        protocol: int | None = None,
        fix_imports: bool = True,
        buffer_callback: Callable[[PickleBuffer], object] | None = None,
    ) -> None: ...
    def dump(self, obj: object, /) -> None: ...
    def clear_memo(self) -> None: ...
    def persistent_id(self, obj: Any, /) -> Any: ...

class Unpickler:
    memo: Any
    def __init__(
        self,
        file: ReadableFile,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[Any] | None = None,
        allow: Iterable[str] | None = None,
        share: bool = False,
    ) -> None: ...
    def load(self) -> Any: ...
    def find_class(self, module_name: str, global_name: str, /) -> Any: ...
    def persistent_load(self, pid: Any, /) -> Any: ...

def dump(
    obj: object,
    file: WritableFile | str | PathLike[str],
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[PickleBuffer], object] | None = None,
    exact: bool = False,
    progress: bool | Callable[[int, float | None], object] | None = None,
) -> None: ...
def dumps(
    obj: object,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[PickleBuffer], object] | None = None,
    exact: bool = False,
) -> bytes: ...
def load(
    file: ReadableFile | str | PathLike[str],
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
    allow: Iterable[str] | None = None,
    share: bool = False,
) -> Any: ...
def loads(
    data: Any,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
    allow: Iterable[str] | None = None,
    share: bool = False,
) -> Any: ...
