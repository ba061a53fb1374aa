"""Findings on digests that nobody receives, and on scores that have gone down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.digests import DigestOptOutRow, ScoreAlarmRow
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.records.findings import Finding
from nps_connect.settings.model import Settings


class ScoreAlarm(NamedTuple):
    """A score that has gone down: of the company or a team, since which week, by how many points, and from where."""

    series: str
    week: date
    points: float
    recent_score: float
    earlier_score: float


def load_unread_digests(session: Session, settings: Settings) -> tuple[str, ...]:
    """Return the digests that every recipient has left, by the name of the team; empty for the company."""
    left: dict[str, set[str]] = defaultdict(set)
    if settings.digest.is_on:
        query = select(col(DigestOptOutRow.scope), col(DigestOptOutRow.mailbox))
        for scope, mailbox in session.execute(query):
            left[scope].add(mailbox)
    return tuple(
        scope
        for scope, emails in settings.digest_recipients.items()
        if left[scope].issuperset(mailbox_hash(email) for email in emails)
    )


def load_score_alarms(session: Session) -> tuple[ScoreAlarm, ...]:
    """Return the alarms that have not ended, newest first."""
    columns = (
        col(ScoreAlarmRow.series),
        col(ScoreAlarmRow.week),
        col(ScoreAlarmRow.points),
        col(ScoreAlarmRow.recent_score),
        col(ScoreAlarmRow.earlier_score),
    )
    query = select(*columns).where(col(ScoreAlarmRow.ended_at).is_(None)).order_by(col(ScoreAlarmRow.id).desc())
    return tuple(ScoreAlarm(*row) for row in session.execute(query))


def digest_findings(unread: Sequence[str], alarms: Sequence[ScoreAlarm]) -> Iterator[Finding]:
    """Yield the findings on digests and scores."""
    for scope in unread:
        yield Finding(
            id="digest-unread",
            severity="warning",
            subject=scope or None,
            text=f"every recipient has left the digest of {f'team {scope}' if scope else 'the company'}",
            fix="add a recipient in [digest] or to the members of the team, or remove the digest there",
        )
    for alarm in alarms:
        yield Finding(
            id="score-down",
            severity="warning",
            subject=alarm.series,
            text=(
                f"the score of {alarm.series.replace('team:', 'team ')} is down {abs(alarm.points):.0f} points since "
                f"the week of {alarm.week}: {alarm.recent_score:+.0f}, before {alarm.earlier_score:+.0f}"
            ),
            fix="read what these customers wrote: nps-connect responses list; the finding ends when the score is back",
        )
