"""What the figures of the demo come to: the shares that are kept, and the conclusion."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner import Demo, Survival


def resident(document: dict[str, Any], step: int) -> int:
    """Bytes resident after a step; -1 is the last."""
    figure: int = document["steps"][step]["resident"]
    return figure


def kept_share(document: dict[str, Any]) -> float:
    """Give what the last step leaves above the start, as a share of the most above it.

    Nothing made is nothing kept.
    """
    start = resident(document, 0)
    most = max(step["resident"] for step in document["steps"]) - start
    return max(0, resident(document, -1) - start) / most if most > 0 else 0.0


def ratio(survival: Survival) -> float | None:
    """Divide what Shoal keeps above its start by what the own allocator does; None for 0."""
    own, ours = (
        resident(survival.documents[side], -1) - resident(survival.documents[side], 0)
        for side in ("own", "shoal")
    )
    return ours / own if own > 0 else None


def conclusion(demo: Demo) -> list[str]:
    """Write one sentence about the experiments and one about the survivors, from the figures."""
    sentences = []
    if demo.results:
        own, ours = _means([result.documents for result in demo.results])
        letters = ", ".join(result.experiment.letter for result in demo.results)
        sentences.append(
            f"When everything has been dropped ({letters}), the interpreter's own allocator still "
            f"has {percent(own)} of the most that was resident above the start, and Shoal "
            f"{percent(ours)} (means)."
        )
    shares = sorted({survival.share for survival in demo.survivals})
    if shares:
        parts = []
        for share in shares:
            rows = [row.documents for row in demo.survivals if row.share == share]
            own, ours = _means(rows)
            parts.append(
                f"{percent(ours)} instead of {percent(own)} where {percent(share)} survive"
            )
        sentences.append(
            "After a random few survive, Shoal keeps of what was made " + ", ".join(parts) + "."
        )
    return sentences


def percent(share: float) -> str:
    """Write a share as a short percentage: ``0.1 %``, ``2 %``, ``91 %``."""
    figure = share * 100
    return f"{figure:.0f} %" if figure >= 10 else f"{round(figure, 1):g} %"


def _means(rows: list[dict[str, dict[str, Any]]]) -> tuple[float, float]:
    """Average what is kept on the interpreter's own allocator and on Shoal."""
    return (
        fmean(kept_share(row["own"]) for row in rows),
        fmean(kept_share(row["shoal"]) for row in rows),
    )


def as_json(demo: Demo) -> dict[str, Any]:
    """Everything the demo measured, as JSON can hold it; memory in bytes."""
    return {
        "factor": demo.factor,
        "experiments": [
            {
                "letter": result.experiment.letter,
                "title": result.experiment.title,
                "program": result.experiment.program,
                "count": result.count,
                "article_count": result.experiment.count,
                "article_mb": list(result.experiment.article),
                **result.documents,
            }
            for result in demo.results
        ],
        "survivors": [
            {
                "kind": row.kind,
                "share": row.share,
                "count": row.count,
                "ratio": ratio(row),
                **row.documents,
            }
            for row in demo.survivals
        ],
        "conclusion": conclusion(demo),
    }
