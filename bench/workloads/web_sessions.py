"""A web server: sessions come with the crowd and expire; those who are still there remain."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from bench.workloads.texts import sentence, word

REQUESTS = 110_000
ACTIVE = 0.02


@dataclass
class Session:
    """What the server remembers of a visitor."""

    user: str
    started: float
    pages: list[str] = field(default_factory=list)
    basket: dict[str, int] = field(default_factory=dict)


def respond(drawn: random.Random, session: Session, number: int) -> str:
    """Serve one request: its headers and the rendered page are garbage afterwards."""
    headers = {word(drawn): word(drawn) for _ in range(4)}
    path = f"/{word(drawn)}/{number}"
    session.pages.append(path)
    if drawn.random() < 0.3:
        session.basket[word(drawn)] = number
    return "\n".join(f"<li>{key}: {value}</li>" for key, value in headers.items())


def burst(size: float) -> dict[str, Session]:
    """Serve the crowd, then let all sessions expire but those still active."""
    drawn = random.Random(5)
    sessions: dict[str, Session] = {}
    for number in range(round(REQUESTS * size)):
        if not sessions or drawn.random() < 0.8:
            key = f"session-{number:08d}"
            sessions[key] = Session(sentence(drawn, 2), float(number))
        respond(drawn, sessions[key], number)
    expired = [key for key in sessions if drawn.random() >= ACTIVE]
    for key in expired:
        del sessions[key]
    return sessions
