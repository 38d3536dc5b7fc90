"""An importer: reads pages of JSON, indexes every record, keeps the few that changed."""

from __future__ import annotations

import json
import random
from typing import Any

from bench.workloads.texts import sentence, word

PAGES = 220
RECORDS = 200


def page(drawn: random.Random, number: int) -> str:
    """Return a page of records as the server would send it."""
    records = [
        {
            "id": number * RECORDS + index,
            "name": sentence(drawn, 2),
            "price": drawn.random() * 100,
            "tags": [word(drawn) for _ in range(drawn.randint(0, 5))],
            "stock": {word(drawn): drawn.randint(0, 5000) for _ in range(3)},
            "changed": drawn.random() < 0.03,
        }
        for index in range(RECORDS)
    ]
    return json.dumps({"page": number, "records": records})


def burst(size: float) -> tuple[dict[int, dict[str, Any]], dict[str, int]]:
    """Read all pages, then keep the changed records and a count of every tag."""
    drawn = random.Random(2)
    pages = [json.loads(page(drawn, number)) for number in range(round(PAGES * size))]
    tags: dict[str, int] = {}
    changed: dict[int, dict[str, Any]] = {}
    for one in pages:
        for record in one["records"]:
            if record["changed"]:
                changed[record["id"]] = record
            for tag in record["tags"]:
                tags[tag] = tags.get(tag, 0) + 1
    return changed, tags
