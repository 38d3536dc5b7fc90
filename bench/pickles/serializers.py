"""The serializers that are compared: how each writes to a file and reads from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

SHOAL = "shoal"  # as in bench.harness, which the measured interpreter cannot import
BASE = "pickle"

Dump = Callable[[Any, BinaryIO], object]
Load = Callable[[BinaryIO], Any]
Dumps = Callable[[Any], bytes]
Loads = Callable[[bytes], Any]


@dataclass(frozen=True)
class Functions:
    """The four functions of a serializer."""

    dump: Dump
    load: Load
    dumps: Dumps
    loads: Loads


@dataclass(frozen=True)
class Serializer:
    """A module, what of bench/pickles/data.py it can write, and how it is imported."""

    name: str
    module: str
    kinds: tuple[str, ...]
    functions: Callable[[Any], Functions]
    package: str = ""  # at PyPI


def _of_files(module: Any) -> Functions:
    return Functions(module.dump, module.load, module.dumps, module.loads)


def _of_marshal(module: Any) -> Functions:
    """marshal.load() asks a file for each value: this is how to use it when time matters."""
    return Functions(
        module.dump, lambda file: module.loads(file.read()), module.dumps, module.loads
    )


def _of_msgpack(module: Any) -> Functions:
    return Functions(
        module.pack,
        lambda file: module.unpack(file, strict_map_key=False),
        module.packb,
        lambda data: module.unpackb(data, strict_map_key=False),
    )


def _of_memory(dumps: Dumps, loads: Loads) -> Functions:
    """Return the functions of a module that knows no files: all of it is in memory once."""
    return Functions(
        lambda value, file: file.write(dumps(value)), lambda file: loads(file.read()), dumps, loads
    )


_DATA = ("tuples", "dicts", "cyrillic", "small")
_ALL = ("tuples", "dicts", "instances", "slotted", "cyrillic", "small")

_LISTED = (
    Serializer(SHOAL, "shoal.pickle", _ALL, _of_files),
    Serializer("pickle", "pickle", _ALL, _of_files),
    Serializer("cloudpickle", "cloudpickle", _ALL, _of_files, "cloudpickle"),
    Serializer("marshal", "marshal", _DATA, _of_marshal),
    Serializer("msgpack", "msgpack", _DATA, _of_msgpack, "msgpack"),
    Serializer("msgspec", "msgspec.msgpack", _DATA,
               lambda module: _of_memory(module.encode, module.decode), "msgspec"),
    Serializer("orjson", "orjson", _DATA,
               lambda module: _of_memory(module.dumps, module.loads), "orjson"),
)  # fmt: skip

SERIALIZERS: Mapping[str, Serializer] = {one.name: one for one in _LISTED}


def functions_of(name: str, share: bool = False) -> Functions:
    """Import a serializer. `share`: Shoal's load shares equal leaves."""
    one = SERIALIZERS[name]
    module = import_module(one.module)
    found = one.functions(module)
    if not share:
        return found
    return Functions(
        found.dump, lambda file: module.load(file, share=True), found.dumps, found.loads
    )
