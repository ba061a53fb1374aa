"""Values of the contact properties that hold a score. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from nps_connect import ScoreUpdate
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.texts import truncate


def score_values(settings: HubSpotSettings, update: ScoreUpdate) -> dict[str, str]:
    """Return the properties to write for a response. `email` is never one: it would change the primary address."""
    response = update.response
    values = {
        "score": str(response.score),
        "category": response.segment,
        "comment": comment_of(update),
        "answered_at": format_moment(response.answered_at),
        "survey": response.survey,
        "touchpoint": response.touchpoint,
        "previous_score": str(update.history[0].score) if update.history else "",
        "response_id": response.id,
        "response_count": str(update.response_count),
    }
    return {settings.property_prefix + suffix: value for suffix, value in values.items()}


def comment_of(update: ScoreUpdate) -> str:
    """Return the comment, a link to it, or an empty text, as the route says. An earlier comment is always replaced."""
    if update.comment_policy == "none" or not update.response.comment:
        return ""
    if update.comment_policy == "link":
        return update.comment_link or ""
    return truncate(update.response.comment)


def format_moment(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, HubSpot's own format."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(text: str | None) -> datetime | None:
    """Return the time of ISO 8601 text or of milliseconds since 1970; None if it is neither."""
    if not text:
        return None
    try:
        if text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
