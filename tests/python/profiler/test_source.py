"""Source lines: from files, cells and archives; and one clear line where there are none."""

from __future__ import annotations

import errno
import functools
import importlib
import inspect
import linecache
import os
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest
import shoal.profiler.source
from shoal.profiler.source import NoSourceError, Source, SourceChangedError, code_of, take

APP = '''\
import functools

@functools.lru_cache(
    maxsize=None,
)
def decorated(a,
              b=2):
    """Text
at the margin."""
    if a:
        return b  # the end

class Owner:
    async def method(self):
        def inner():
            return 1
        return inner

    plain = staticmethod(lambda: 3)

x = [f for f in
     range(3)]
'''


def compiled(path: Path) -> dict[str, types.CodeType]:
    """Return the code objects of a file by name."""
    found: dict[str, types.CodeType] = {}

    def walk(code: types.CodeType) -> None:
        found[code.co_name] = code
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                walk(const)

    walk(compile(path.read_bytes(), str(path), "exec"))
    return found


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP)
    return path


def numbered(source: Source) -> tuple[int, int, str, str]:
    lines = source.lines()
    return source.first_line, source.first_line + len(lines) - 1, lines[0], lines[-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("decorated", (3, 11, "@functools.lru_cache(", "        return b  # the end")),
        ("Owner", (13, 19, "class Owner:", "    plain = staticmethod(lambda: 3)")),
        ("method", (14, 17, "    async def method(self):", "        return inner")),
        ("inner", (15, 16, "        def inner():", "            return 1")),
        ("<lambda>", (19, 19,) + ("    plain = staticmethod(lambda: 3)",) * 2),
        ("<module>", (1, 22, "import functools", "     range(3)]")),
    ],
)  # fmt: skip
def test_the_lines_of_a_file(app: Path, name: str, expected: tuple[int, int, str, str]) -> None:
    source = take(compiled(app)[name])
    assert numbered(source) == expected
    assert source.filename == str(app)
    source.check()


def test_as_inspect_cuts_them() -> None:
    for function in (inspect.getsource, functools.wraps, zipfile.ZipFile.open, os.path.join):
        if function.__code__.co_filename.startswith("<"):
            continue
        lines, first = inspect.getsourcelines(function.__code__)
        source = take(function.__code__)
        assert source.first_line == first
        assert [line + "\n" for line in source.lines()] == lines


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_ends_of_lines_are_not_part_of_them(tmp_path: Path, end: str) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(f"def f():{end or os.linesep}    return 1{end}".encode())
    assert take(compiled(path)["f"]).lines() == ("def f():", "    return 1")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-8"])
def test_files_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "app.py"
    cookie = "latin-1" if encoding == "latin-1" else "utf-8"
    path.write_bytes(f"# coding: {cookie}\ndef f():\n    return '\xe9'\n".encode(encoding))
    assert take(compiled(path)["f"]).lines()[1] == "    return '\xe9'"


def test_a_cell_of_a_notebook() -> None:
    name = "/tmp/ipykernel_4242/1234567890.py"
    text = "def cell(x):\n    return [x] * 9\n\ncell(1)\n"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    try:
        space: dict[str, Any] = {}
        exec(compile(text, name, "exec"), space)
        source = take(space["cell"].__code__, space)
        assert source.lines() == ("def cell(x):", "    return [x] * 9")
        source.check()
    finally:
        del linecache.cache[name]


@pytest.mark.parametrize("with_globals", [True, False])
def test_a_module_in_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_globals: bool
) -> None:
    name = f"in_archive_{with_globals}".lower()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(f"{name}.py", "\ndef f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "a.zip"))
    module = importlib.import_module(name)
    try:
        found = take(module.f.__code__, module.f.__globals__ if with_globals else None)
        assert numbered(found) == (2, 3, "def f():", "    return 1")
        found.check()
    finally:
        del sys.modules[name]


# ---- No source --------------------------------------------------------------------


def test_made_by_exec(monkeypatch: pytest.MonkeyPatch) -> None:
    # Since 3.13 it is the name of what `python -c` runs, too.
    monkeypatch.delitem(linecache.cache, "<string>", raising=False)
    space: dict[str, Any] = {}
    exec("def made():\n    return 1", space)
    with pytest.raises(NoSourceError) as caught:
        take(space["made"].__code__, space)
    assert str(caught.value) == "no source of made: it was made from a string (<string>)"


def test_made_by_exec_where_another_string_is_known() -> None:
    # Newer interpreters know the text of -c by the same name.
    space: dict[str, Any] = {}
    exec("def made():\n    return 1", space)
    linecache.cache["<string>"] = (9, None, ["print(1)\n"], "<string>")
    try:
        with pytest.raises(NoSourceError, match="made: it was made from a string"):
            take(space["made"].__code__, space).lines()
    finally:
        del linecache.cache["<string>"]


def test_frozen() -> None:
    import _frozen_importlib

    with pytest.raises(NoSourceError) as caught:
        take(_frozen_importlib._find_and_load.__code__)
    assert str(caught.value) == (
        "no source of _find_and_load: its module is frozen into the interpreter"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (len, "no source of len: it is not written in Python"),
        ([].append, "no source of list.append: it is not written in Python"),
        (str.join, "no source of str.join: it is not written in Python"),
        (functools.partial(len), "no source of partial: it is not written in Python"),
        (int, "no source of int: it is not a function"),
        (Path, "no source of Path: it is not a function"),
        (7, "no source of int: it is not a function"),
        (None, "no source of NoneType: it is not a function"),
    ],
)
def test_what_has_no_python_code(function: object, message: str) -> None:
    with pytest.raises(NoSourceError) as caught:
        code_of(function)
    assert str(caught.value) == message


def test_code_behind_all_kinds_of_wrapping() -> None:
    class Owner:
        def method(self) -> None: ...

        @classmethod
        def of_class(cls) -> None: ...

        @staticmethod
        def static() -> None: ...

        @property
        def value(self) -> None: ...

        @functools.lru_cache  # noqa: B019
        def cached(self) -> None: ...

    expected = Owner.method.__code__
    assert code_of(Owner.method) is code_of(Owner().method) is code_of(expected) is expected
    assert code_of(functools.partial(functools.partial(Owner.method), None)) is expected
    for name in ("of_class", "static", "value", "cached"):
        assert code_of(Owner.__dict__[name]).co_name == name


def test_wrapping_that_goes_in_a_circle() -> None:
    a, b = types.SimpleNamespace(), types.SimpleNamespace()
    a.__wrapped__, b.__wrapped__ = b, a
    with pytest.raises(NoSourceError):
        code_of(a)


def test_a_file_that_is_gone(app: Path) -> None:
    code = compiled(app)["decorated"]
    app.unlink()
    with pytest.raises(NoSourceError) as caught:
        take(code)
    assert str(caught.value) == f"no source of decorated: no such file: {app}"


def test_a_file_that_cannot_be_read(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:  # Root may read everything, so it is played.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(shoal.profiler.source, "open", refuse, raising=False)
    with pytest.raises(NoSourceError) as caught:
        take(compiled(app)["decorated"])
    assert str(caught.value) == f"no source of decorated: {app}: Permission denied"


def test_a_file_that_cannot_be_decoded(app: Path) -> None:
    code = compiled(app)["decorated"]
    app.write_bytes(APP.encode().replace(b"Text", b"\xff\xfe"))
    with pytest.raises(NoSourceError, match=r"app\.py cannot be decoded") as caught:
        take(code).lines()
    assert "\n" not in str(caught.value)


# ---- Changed while it ran ---------------------------------------------------------


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_a_file_that_changes_after_it_was_taken(app: Path, change: str) -> None:
    source = take(compiled(app)["method"])
    before = source.lines()
    if change == "edit":
        app.write_text("# another\n" + APP)
    else:
        app.unlink()
    with pytest.raises(SourceChangedError) as caught:
        source.check()
    assert str(caught.value) == (
        f"{app} changed while it ran: the lines shown are those from when profiling began"
    )
    assert source.lines() == before


@pytest.mark.parametrize("text", ["\n\n" + APP, "", "x = 1\n" * 50, APP.replace("method", "other")])
def test_a_file_that_changed_before_it_was_taken(app: Path, text: str) -> None:
    code = compiled(app)["method"]
    app.write_text(text)
    source = take(code)
    with pytest.raises(SourceChangedError) as caught:
        source.lines()
    assert str(caught.value).startswith(f"{app} changed before ")
    assert str(caught.value).endswith("was profiled: its lines are not shown")


def test_each_function_has_the_text_of_its_time(app: Path) -> None:
    first = take(compiled(app)["method"])
    app.write_text("# more\n" + APP)
    second = take(compiled(app)["method"])
    assert (first.first_line, second.first_line) == (14, 15)
    assert first.lines() == second.lines()


HEAVY = """\
import importlib.util, sys
before = set(sys.modules)
spec = importlib.util.spec_from_file_location("source", sys.argv[1])
source = importlib.util.module_from_spec(spec)
spec.loader.exec_module(source)
source.take((lambda: 1).__code__)
print({"ast", "dis", "inspect", "linecache", "tokenize"} & (set(sys.modules) - before))
"""


def test_taking_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAVY)
    command = [sys.executable, tmp_path / "program.py", shoal.profiler.source.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
