"""A mail client: parses an inbox, shows the list, keeps the headers and the unread messages."""

from __future__ import annotations

import random
from email import message_from_string
from email.message import Message

from bench.workloads.texts import sentence, word

MESSAGES = 9000


def text(drawn: random.Random, number: int) -> str:
    """Return a message of two parts."""
    return (
        f"From: {word(drawn)} <{word(drawn)}@example.org>\nTo: {word(drawn)}@example.org\n"
        f"Subject: {sentence(drawn, 5)}\nMessage-ID: <{number}@example.org>\n"
        f"Received: from {word(drawn)} by {word(drawn)}; {number}\n"
        'Content-Type: multipart/alternative; boundary="part"\n\n'
        f"--part\nContent-Type: text/plain\n\n{sentence(drawn, 60)}\n"
        f"--part\nContent-Type: text/html\n\n<p>{sentence(drawn, 60)}</p>\n--part--\n"
    )


def burst(size: float) -> tuple[list[tuple[str, str]], list[Message]]:
    """Parse all, keep sender and subject of three in ten and one whole message in 25."""
    drawn = random.Random(4)
    inbox = [message_from_string(text(drawn, n)) for n in range(round(MESSAGES * size))]
    listed = [(m["From"], m["Subject"]) for m in inbox if drawn.random() < 0.3]
    unread = [message for message in inbox if drawn.random() < 0.04]
    return listed, unread
