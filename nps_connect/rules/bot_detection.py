"""Signals that a bot, not a person, opened a personal link. They are shown to staff and prove nothing.

Mail scanners open links to look for malware: all of them together, seconds after delivery, sometimes with `HEAD`; some
even submit forms. None of this is certain, which is why a page view never confirms a score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

BotSignal = Literal["head", "fast", "several", "many", "contradiction"]
BOT_SIGNALS: tuple[BotSignal, ...] = ("head", "fast", "several", "many", "contradiction")

SIGNAL_DESCRIPTIONS: dict[BotSignal, str] = {
    "head": "requested the headers of the page only (HEAD)",
    "fast": "opened within seconds of the mail's delivery",
    "several": "opened several scores of one mail within seconds",
    "many": "opened three or more different scores and submitted none",
    "contradiction": "submitted two different scores within seconds",
}

FAST_OPEN_WINDOW = timedelta(seconds=10)
"""Nobody reads a mail and taps a score within this time of its delivery."""

SWEEP_WINDOW = timedelta(seconds=10)
"""Scores that are opened or submitted within this time of each other belong to one sweep."""

MANY_SCORES = 3
"""Nobody opens this many different scores of one mail without submitting one."""


@dataclass(frozen=True)
class PageVisit:
    """One page view or submission.

    Attributes:
        method: `GET`, `HEAD` or `POST`.
        at: moment of the request (UTC).
        score: the preselected or submitted score, or None.
    """

    method: str
    at: datetime
    score: int | None


def detect_signals(
    visit: PageVisit, earlier: Sequence[PageVisit], mails: Collection[datetime]
) -> tuple[BotSignal, ...]:
    """Return the bot signals of a visit, in the order of `BOT_SIGNALS`.

    Args:
        visit: the newest one.
        earlier: earlier visits of the same link, oldest first.
        mails: when each mail with the link was handed over: the first one and every reminder.
    """
    signals: set[BotSignal] = {"head"} if visit.method == "HEAD" else set()
    for sent_at in mails:
        if timedelta(0) <= visit.at - sent_at <= FAST_OPEN_WINDOW:
            signals.add("fast")
    last_submitted = visit.score
    for other in earlier:
        if abs(visit.at - other.at) > SWEEP_WINDOW:
            continue
        if other.method == "POST":
            last_submitted = other.score
        elif visit.method != "POST" and None not in (other.score, visit.score) and other.score != visit.score:
            signals.add("several")
    # The same score submitted once more confirms a response with conflicting scores.
    if visit.method == "POST" and last_submitted != visit.score:
        signals.add("contradiction")
    return tuple(filter(signals.__contains__, BOT_SIGNALS))


def combine_signals(visits: Iterable[tuple[PageVisit, Sequence[BotSignal]]]) -> tuple[BotSignal, ...]:
    """Return the bot signals of all visits of one survey together, in the order of `BOT_SIGNALS`.

    A scanner that returns later, or takes its time, shows nothing on its newest visit.

    Args:
        visits: every visit with the signals that were detected when it was recorded.
    """
    signals: set[BotSignal] = set()
    scores: set[int | None] = {None}
    has_submission = False
    for visit, detected in visits:
        signals.update(detected)
        has_submission |= visit.method == "POST"
        scores.add(visit.score)
    if len(scores) > MANY_SCORES and not has_submission:
        signals.add("many")
    return tuple(filter(signals.__contains__, BOT_SIGNALS))


def serialize_signals(signals: Sequence[BotSignal]) -> str | None:
    """Return signals as the ledger stores them; None for no signals."""
    return ",".join(signals) or None


def parse_signals(stored: str | None) -> tuple[BotSignal, ...]:
    """Return the signals that `serialize_signals` stored; unknown names are ignored."""
    names = (stored or "").split(",")
    return tuple(signal for signal in BOT_SIGNALS if signal in names)
