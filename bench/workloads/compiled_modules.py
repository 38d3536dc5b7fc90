"""A plugin host: compiles every module it finds, looks inside, keeps the few it will run."""

from __future__ import annotations

import ast
from types import CodeType

from bench.workloads.texts import sources

KEPT_EVERY = 12


def burst(size: float) -> dict[str, CodeType]:
    """Parse and compile everything, keep the code of one module in twelve."""
    trees = {name: ast.parse(source) for name, source in sources(size * 0.9)}
    codes = {name: compile(tree, name, "exec") for name, tree in trees.items()}
    return {name: code for n, (name, code) in enumerate(codes.items()) if n % KEPT_EVERY == 0}
