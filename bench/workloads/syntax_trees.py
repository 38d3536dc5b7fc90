"""A linter: parses a whole tree of sources, keeps a summary of every function and its report."""

from __future__ import annotations

import ast

from bench.workloads.texts import sources

Summary = tuple[str, int, list[str], str]


def burst(size: float) -> dict[str, list[Summary]]:
    """Parse everything, look at everything, keep names, lines, arguments and documentation."""
    trees = {name: ast.parse(source) for name, source in sources(size)}
    return {name: summaries(tree) for name, tree in trees.items()}


def summaries(tree: ast.Module) -> list[Summary]:
    """Return what the report says of each function."""
    return [
        (
            node.name,
            node.lineno,
            [argument.arg for argument in node.args.args],
            (ast.get_docstring(node) or "").partition("\n")[0],
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
