"""Texts for the workloads: sources of the standard library, and words."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path

# Large pure-Python modules that every supported version has.
_MODULES = (
    "argparse", "ast", "asyncio.base_events", "calendar", "collections", "configparser",
    "csv", "dataclasses", "difflib", "doctest", "email.message", "enum", "fractions", "ftplib",
    "functools", "gettext", "heapq", "http.client", "http.server", "imaplib", "inspect",
    "ipaddress", "locale", "logging", "mailbox", "mimetypes", "optparse", "pathlib", "pdb",
    "pickle", "pickletools", "platform", "plistlib", "pprint", "random", "shutil", "smtplib",
    "socket", "ssl", "statistics", "subprocess", "tarfile", "tempfile", "textwrap", "threading",
    "traceback", "turtle", "typing", "unittest.case", "unittest.mock", "urllib.parse",
    "urllib.request", "uuid", "warnings", "weakref", "xml.dom.minidom", "zipfile",
)  # fmt: skip

_SYLLABLES = ("ba", "den", "fi", "gor", "hal", "ki", "lum", "mer", "no", "pra", "sel", "tun", "vo")
_PARTS = [first + second for first in _SYLLABLES for second in ("", *_SYLLABLES)]


def sources(size: float) -> Iterator[tuple[str, str]]:
    """Yield (name, source) of the standard library's modules, again and again as `size` asks."""
    count = round(len(_MODULES) * size)
    for number in range(count):
        name = _MODULES[number % len(_MODULES)]
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None and spec.has_location:
            yield f"{name}_{number}", Path(spec.origin).read_text(encoding="utf-8")


def word(drawn: random.Random) -> str:
    """Return a made-up word, a new string each time."""
    first, second = divmod(drawn.getrandbits(14), 128)
    return f"{_PARTS[first]}{_PARTS[second]}"


def sentence(drawn: random.Random, words: int) -> str:
    """Return so many made-up words."""
    return " ".join(word(drawn) for _ in range(words))
