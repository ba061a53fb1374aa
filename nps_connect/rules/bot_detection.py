"""Signs that a machine, not a person, opened a personal link: told to staff and weighed by them. A sign proves nothing.

Mail scanners open links to look for malware: all of them at once, seconds after delivery, sometimes with `HEAD`, some
even press buttons. None of this can be told from a person with certainty, which is why no opening confirms anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

BotSignal = Literal["head", "fast", "several", "many", "contradiction"]
BOT_SIGNALS: tuple[BotSignal, ...] = ("head", "fast", "several", "many", "contradiction")

SIGNAL_DESCRIPTIONS: dict[BotSignal, str] = {
    "head": "asked for the head of the page only",
    "fast": "opened within seconds of the mail's delivery",
    "several": "opened several scores of one mail within seconds",
    "many": "opened three or more different scores and pressed none",
    "contradiction": "pressed two different scores within seconds",
}

FAST_OPEN_WINDOW = timedelta(seconds=10)
"""Nobody reads a mail and taps a score within this time of its delivery."""

SWEEP_WINDOW = timedelta(seconds=10)
"""Scores that are opened or pressed within this time of each other belong to one sweep."""

MANY_SCORES = 3
"""Nobody opens so many different scores of one mail without pressing one."""


@dataclass(frozen=True)
class PageVisit:
    """One opening or press.

    Attributes:
        method: `GET`, `HEAD` or `POST`.
        at: when.
        score: the score that it names, or none.
    """

    method: str
    at: datetime
    score: int | None


def detect_signals(
    opening: PageVisit, before: Sequence[PageVisit], mails: Collection[datetime]
) -> tuple[BotSignal, ...]:
    """The signs of a machine that an opening shows, in the order of `BOT_SIGNALS`.

    Args:
        opening: the newest.
        before: earlier ones of the same link, oldest first.
        mails: when each mail with the link was handed over: the first one and every reminder.
    """
    near = [one for one in before if abs(opening.at - one.at) <= SWEEP_WINDOW]
    found: set[BotSignal] = set()
    if opening.method == "HEAD":
        found.add("head")
    if any(timedelta(0) <= opening.at - sent_at <= FAST_OPEN_WINDOW for sent_at in mails):
        found.add("fast")
    opened = {one.score for one in near if one.method != "POST"} - {None, opening.score}
    pressed = [one.score for one in near if one.method == "POST"]
    if opening.method != "POST" and opening.score is not None and opened:
        found.add("several")
    # The same score pressed once more is what confirms an answer that was contradicted.
    if opening.method == "POST" and pressed and pressed[-1] != opening.score:
        found.add("contradiction")
    return tuple(sign for sign in BOT_SIGNALS if sign in found)


def combine_signals(visits: Iterable[tuple[PageVisit, Sequence[BotSignal]]]) -> tuple[BotSignal, ...]:
    """The signs of a machine that all visits of one survey show together, in the order of `BOT_SIGNALS`.

    A scanner that comes back later, or takes its time, shows nothing on its newest visit.

    Args:
        visits: every opening and press, each with the signs that it showed when it was noted.
    """
    found: set[BotSignal] = set()
    opened: set[int | None] = {None}
    pressed = False
    for opening, shown in visits:
        found.update(shown)
        pressed |= opening.method == "POST"
        opened.add(opening.score)
    if len(opened) > MANY_SCORES and not pressed:
        found.add("many")
    return tuple(sign for sign in BOT_SIGNALS if sign in found)


def serialize_signals(found: Sequence[BotSignal]) -> str | None:
    """Signs as the ledger keeps them; none for none."""
    return ",".join(found) or None


def parse_signals(stored: str | None) -> tuple[BotSignal, ...]:
    """Signs as the ledger keeps them."""
    names = (stored or "").split(",")
    return tuple(sign for sign in BOT_SIGNALS if sign in names)
