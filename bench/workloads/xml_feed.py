"""A catalogue in XML: parsed as trees, reduced to what the search needs."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree

from bench.workloads.texts import sentence, word

DOCUMENTS = 360
ENTRIES = 120


def document(drawn: random.Random) -> str:
    """Return the text of one document."""
    entries = "".join(
        f'<entry key="{word(drawn)}-{number}" lang="{word(drawn)}"><title>{sentence(drawn, 4)}'
        f"</title><body>{sentence(drawn, 12)}</body><price>{drawn.random():.3f}</price>"
        f"<link href='/{word(drawn)}/{number}'/></entry>"
        for number in range(ENTRIES)
    )
    return f"<catalogue>{entries}</catalogue>"


def burst(size: float) -> list[tuple[str | None, str | None]]:
    """Parse all documents, keep key and title of three entries in twenty."""
    drawn = random.Random(3)
    trees = [ElementTree.fromstring(document(drawn)) for _ in range(round(DOCUMENTS * size))]
    return [
        (entry.get("key"), entry.findtext("title"))
        for tree in trees
        for entry in tree
        if drawn.random() < 0.15
    ]
