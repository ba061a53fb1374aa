"""Priority, tags and reply deadline of a detractor's ticket."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from nps_connect.records.deliveries import Priority
from nps_connect.records.responses import Segment, segment_of
from nps_connect.rules.timing import local_date, utc_at

BUSINESS_DAY_END = time(18)
SATURDAY = 5


def priority(score: int, *, urgent_up_to: int = 3, high_up_to: int = 5) -> Priority:
    """Priority of a ticket: 0-3 urgent, 4-5 high, 6 normal; low if the customer is no longer a detractor.

    Args:
        score: of the newest response.
        urgent_up_to, high_up_to: highest scores of the two upper bands.

    Raises:
        ValueError: the score is not an integer from 0 to 10.
    """
    if segment_of(score) != "detractor":
        return "low"
    if score <= urgent_up_to:
        return "urgent"
    return "high" if score <= high_up_to else "normal"


def tags(segment: Segment, survey: str, *, recovered: bool = False) -> tuple[str, ...]:
    """Tags without spaces: product, segment, survey, and whether the customer was recovered."""
    base = ("nps", f"nps-{segment}", f"survey-{'-'.join(survey.split()).lower()}")
    return (*base, "nps-recovered") if recovered else base


def deadline(answered_at: datetime, zone: tzinfo) -> datetime:
    """The end of the next working day (Monday to Friday, 18:00 company time), in UTC.

    Public holidays are not taken into account.

    Raises:
        ValueError: `answered_at` has no time zone.
    """
    day = local_date(answered_at, zone) + timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return utc_at(day, BUSINESS_DAY_END, zone)
