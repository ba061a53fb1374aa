"""Contact properties that hold a score, and their values. Pure.

HubSpot's own survey responses are read-only in its API, so scores are stored in separate properties and a separate
group. Every value is a text; an empty text clears the property.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nps_connect import ScoreUpdate
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.texts import truncate

SEGMENTS = ("promoter", "passive", "detractor")


@dataclass(frozen=True)
class PropertyDefinition:
    """One property: `suffix` follows the configured prefix; `kind` and `field` are HubSpot's `type` and `fieldType`."""

    suffix: str
    kind: str
    field: str

    def body(self, settings: HubSpotSettings, language: str) -> dict[str, Any]:
        """Return the body of the request that creates it."""
        definition: dict[str, Any] = {
            "name": settings.property_prefix + self.suffix,
            "label": translate(self.suffix, language),
            "type": self.kind,
            "fieldType": self.field,
            "groupName": settings.property_group,
            "description": translate("description", language),
        }
        if self.suffix == "category":
            definition["options"] = category_options(language)
        return definition


PROPERTY_DEFINITIONS = (
    PropertyDefinition("score", "number", "number"),
    PropertyDefinition("category", "enumeration", "select"),
    PropertyDefinition("comment", "string", "textarea"),
    PropertyDefinition("answered_at", "datetime", "date"),
    PropertyDefinition("survey", "string", "text"),
    PropertyDefinition("touchpoint", "string", "text"),
    PropertyDefinition("previous_score", "number", "number"),
    PropertyDefinition("response_id", "string", "text"),
    PropertyDefinition("response_count", "number", "number"),
)


def category_options(language: str) -> list[dict[str, Any]]:
    """Return the options of the category property."""
    return [
        {"label": translate(segment, language), "value": segment, "displayOrder": position, "hidden": False}
        for position, segment in enumerate(SEGMENTS)
    ]


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
