"""What a source line calls, where it is plain."""

from __future__ import annotations

import ast
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal.profiler.model import Function

__all__ = ["callee"]

_LIGHT = frozenset({"enumerate", "float", "int", "isinstance", "iter", "len", "open", "range"})
"""Builtins that make nothing large themselves: beside another call they do not count."""


def callee(function: Function, number: int) -> str:
    """Return the dotted name of the one thing that a line calls.

    Parameters
    ----------
    function : Function
        Whose line it is.
    number : int
        Of the line in the file.

    Returns
    -------
    str
        As written in the source, such as ``"copy.deepcopy"``; "" if the line
        calls nothing, several things, or something that has no plain name.
    """
    tree = _parse([line.text for line in function.lines])
    if tree is None or not function.lines:
        return ""
    # The first line of the text is the second of what was parsed.
    wanted = number - function.lines[0].number + 2
    names = {_dotted(call.func) for call in _calls(tree) if call.lineno == wanted}
    if len(names) > 1:
        names -= _LIGHT
    return names.pop() if len(names) == 1 else ""


def _parse(lines: list[str]) -> ast.Module | None:
    """Parse a function as it stands in its file, one line lower and however it is indented."""
    indented = bool(lines) and lines[0][:1].isspace()
    before = "if True:\n" if indented else "\n"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The program's own parsing has said it already.
            return ast.parse(before + "\n".join(lines) + "\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls within a node, without those that a lambda will make some day."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Lambda):
            continue
        if isinstance(inner, ast.Call):
            yield inner
        yield from _calls(inner)


def _dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for just that, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""
