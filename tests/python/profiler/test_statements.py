"""A statement over several lines: each of its lines runs once, however the interpreter goes."""

from __future__ import annotations

import functools
import sysconfig
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from shoal.profiler import source, statements

from .marked import Measure

# The digit at the end of a mark: how often two calls run the line.
BODIES = {
    "a call": """
        x = f( # call2
            1, # one2
            f(2), # two2
        )
        """,
    "a call with names": """
        x = f(a=1, # call2
            b=f(2)) # two2
        """,
    "a list": """
        x = [ # list2
            f(1), # one2
            f(2), # two2
        ]
        """,
    "a dict": """
        x = { # dict2
            'a': f(1), # one2
            'b': f(2), # two2
        }
        """,
    "an expression": """
        x = (f(1) + # one2
            len('abc') + # two2
            2) # three2
        """,
    "a chain": """
        x = ('a' # start2
            .upper() # upper2
            .lower()) # lower2
        """,
    "a condition": """
        if (f(1) and # one2
                f(2)): # two2
            x = 1 # then2
        """,
    "return": """
        return f( # call2
            1) # one2
        """,
    "a string with brackets": '''
        x = f(1, # call2
            """(
        [ " \\
        """, f('}', "\\"("), # text2
            f(2)) # two2
        ''',
    "in a loop": """
        for i in range(3): # loop8
            f(i, # call6
                f(i)) # inner6
        """,
    "alone in a loop": """
        try: # try2
            while True:
                next( # call8
                    one) # argument8
        except StopIteration: # except2
            pass
        """,
    "a loop's head": """
        for i in range( # loop4
                f(1)): # head2
            x = i # body2
        """,
    "recursion": """
        if not one: # if4
            return work( # call2
                f(1)) # inner2
        x = f( # after2
            2) # two2
        """,
    "yield": """
        def steps(): # def2
            yield
        for _ in steps(): # loop4
            x = f( # call2
                1) # one2
        """,
}


@pytest.mark.parametrize("name", BODIES)
def test_each_line_is_begun_once(measure: Measure, name: str) -> None:
    body = textwrap.indent(textwrap.dedent(BODIES[name]), "    ")
    work = "one=None" if name == "recursion" else ""
    prepare = "" if work else "    one = iter([1, 2, 3])\n"
    lines = measure(
        "def f(*given, **named): return len(given)\n"
        f"@profile\ndef work({work}):\n{prepare}{body}\nwork()\nwork()\n"
    )
    assert {mark: line.hits for mark, line in lines.items()} == {
        mark: int(mark[-1]) for mark in lines
    }


def test_a_line_that_is_resumed_goes_on(measure: Measure) -> None:
    lines = measure(
        """
        def f(*given): return given
        @profile
        def work():
            x = f( # call
                1, # before
                (yield), # yields
                2) # after
        for _ in range(2):
            for _ in work():
                pass
        """
    )
    assert {mark: line.hits for mark, line in lines.items()} == dict.fromkeys(
        ["call", "before", "yields", "after"], 2
    )


# ---- As the tokenizer sees it -------------------------------------------------------

FILES = ["argparse", "ast", "dataclasses", "enum", "inspect", "pdb", "tarfile", "typing"]


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


@functools.cache
def logical_lines(path: Path) -> set[tuple[int, int]]:
    found, begin = set(), 0
    blank = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
    with path.open(encoding="utf-8") as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.NEWLINE:
                found.add((begin, token.start[0]))
                begin = 0
            elif not begin and token.type not in blank:
                begin = token.start[0]
    return {(first, last) for first, last in found if first < last}


@pytest.mark.parametrize("module", FILES)
def test_statements_are_those_of_the_tokenizer(module: str) -> None:
    path = Path(sysconfig.get_path("stdlib"), f"{module}.py")
    code = compile(path.read_bytes(), path, "exec")
    looked_at = 0
    for one in codes(code):
        if one.co_name.startswith("<") and one is not code:
            continue  # it begins in the midst of a statement
        found = set(statements.of_several_lines(one, source.take(one)))
        last = max(last for _, last in found) if found else 0
        expected = {
            (first, min(end, last))
            for first, end in logical_lines(path)
            if one.co_firstlineno <= first <= last
        }
        assert found == expected
        looked_at += len(found)
    assert looked_at > 20
