"""A source browser: tokenizes files, keeps where each name occurs first and how often."""

from __future__ import annotations

import io
import tokenize

from bench.workloads.texts import sources


def burst(size: float) -> dict[str, list[int]]:
    """Tokenize everything before counting, as two-pass tools do."""
    files = [
        list(tokenize.generate_tokens(io.StringIO(source).readline))
        for _, source in sources(size * 0.6)
    ]
    index: dict[str, list[int]] = {}
    for tokens in files:
        for token in tokens:
            if token.type == tokenize.NAME:
                entry = index.setdefault(token.string, [token.start[0], 0])
                entry[1] += 1
    return index
