"""Where nothing can be moved: one line that says why, and nothing has changed."""

from __future__ import annotations

import sys

import pytest

CALL = """
import shoal
{before}
try:
    {call}
    answer = ""
except (RuntimeError, ValueError) as error:
    answer = f"{{type(error).__name__}}: {{error}}"
"""


def code(before="", call="shoal.compact()"):
    return CALL.format(before=before, call=call)


def test_without_shoal(off_shoal):
    assert off_shoal(code()) == (
        "RuntimeError: compact() needs objects on Shoal's heap: "
        "start with `shoal run`, or call shoal.install() first"
    )


def test_while_tracemalloc_traces(on_shoal):
    answer = on_shoal(code("import tracemalloc; tracemalloc.start()"))
    assert answer == (
        "RuntimeError: compact() cannot run while tracemalloc traces: its notes are by address"
    )


def test_once_lines_are_profiled(on_shoal):
    answer = on_shoal(code("from shoal import _profile; _profile.start(1)"))
    assert answer == (
        "RuntimeError: compact() cannot run once lines are profiled: the notes are by address"
    )


def test_in_a_collection(on_shoal):
    assert on_shoal("""
        import gc, shoal
        errors = []
        def call(phase, info):
            try:
                shoal.compact()
            except RuntimeError as error:
                errors.append(str(error))
        gc.callbacks.append(call)
        gc.collect()
        gc.callbacks.remove(call)
        answer = sorted(set(errors))
    """) == ["compact() cannot run in a garbage collection or a finalizer"]


def test_in_a_finalizer(on_shoal):
    assert on_shoal("""
        import shoal
        errors = []
        class Last:
            def __del__(self):
                try:
                    shoal.compact()
                except RuntimeError as error:
                    errors.append(str(error))
        Last()
        answer = errors
    """) == ["compact() cannot run in a garbage collection or a finalizer"]


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("least=1.5", "ValueError: least=1.5: a part from 0 to 1 is expected"),
        ("least=-1", "ValueError: least=-1: a part from 0 to 1 is expected"),
        ("seconds=0", "ValueError: seconds=0: a time above 0, or None is expected"),
        ("share=2", "ValueError: share=2: a part above 0, up to 1, or None is expected"),
        ("least='x'", "ValueError: least='x': a number is expected"),
        ("seconds='x'", "ValueError: seconds='x': a number is expected"),
    ],
)
def test_wrong_arguments(on_shoal, argument, line):
    assert on_shoal(code(call=f"shoal.compact({argument})")) == line


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no interpreters with a lock of their own")
def test_in_another_interpreter(on_shoal):
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    answer = on_shoal(f"""
        import os, {module} as interpreters
        read, write = os.pipe()
        other = interpreters.create()
        interpreters.run_string(other, '''if True:
            import os, shoal
            try:
                shoal.compact()
                line = "moved"
            except RuntimeError as error:
                line = str(error)
            os.write({{}}, line.encode())
        '''.format(write))
        answer = os.read(read, 1000).decode()
        interpreters.destroy(other)
    """)
    assert answer == "compact() runs in the main interpreter only"


def test_with_the_jit_compiler(on_shoal):
    line = "compact() cannot run with the JIT compiler: its code has addresses of objects"
    made = "import types; sys._jit = types.SimpleNamespace(is_enabled=lambda: {})"
    answer = on_shoal(code("import sys; " + made.format(True)))
    assert answer == f"RuntimeError: {line}"
    assert on_shoal(code("import sys; " + made.format(False))) == ""


@pytest.mark.skipif(not hasattr(sys, "_jit"), reason="nobody to ask")
def test_with_the_interpreters_own(on_shoal):
    for setting in "01":
        answer = on_shoal(code(), env={"PYTHON_JIT": setting})
        is_on = setting == "1" and sys._jit.is_available()
        assert ("the JIT compiler" in answer) == is_on


def test_without_the_interpreter_lock(on_shoal):
    answer = on_shoal(code("from shoal import _heap; _heap.state = lambda: -2"))
    assert answer == (
        "RuntimeError: compact() needs the interpreter lock, and this Python is free-threaded"
    )
