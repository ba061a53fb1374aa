"""When soft bounces about a mailbox are a hard one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

REQUIRED_BOUNCES = 3
MIN_INTERVAL = timedelta(days=5)
"""Between two bounces that count: a mailbox that is full for some days is not gone."""

OBSERVATION_PERIOD = timedelta(days=400)


def is_repeated(bounced_at: Sequence[datetime]) -> bool:
    """Return whether the newest bounce is the last of `REQUIRED_BOUNCES`, each `MIN_INTERVAL` after the one before.

    Args:
        bounced_at: when mails to one mailbox came back, within `OBSERVATION_PERIOD`, oldest first.
    """
    count, limit = 0, None
    for moment in reversed(bounced_at):
        if limit is None or moment <= limit:
            count, limit = count + 1, moment - MIN_INTERVAL
    return count >= REQUIRED_BOUNCES
