"""What the shop sells: known to the service and to its load."""

from __future__ import annotations

import json
import random

PRODUCTS = 12_000
TAGS = ("new", "sale", "garden", "kitchen", "books", "music", "sport", "travel", "light", "wood")


def catalogue_text(seed: int = 7) -> str:
    """Return the catalogue as the JSON text that a file or a database would give."""
    drawn = random.Random(seed)
    return json.dumps(
        [
            {
                "id": number,
                "name": f"product {number} {drawn.getrandbits(40):x}",
                "price": round(drawn.uniform(1, 400), 2),
                "tags": drawn.sample(TAGS, 3),
                "stock": {f"store-{store}": drawn.randrange(90) for store in range(5)},
                "text": " ".join(drawn.choices(TAGS, k=12)),
            }
            for number in range(PRODUCTS)
        ]
    )
