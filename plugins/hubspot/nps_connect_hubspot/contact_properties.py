"""Contact properties that hold scores and outcomes of cases: their definitions.

HubSpot's own survey responses are read-only in its API, so scores are stored in separate properties and a separate
group. Every value is a text; an empty text clears the property.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.settings import HubSpotSettings

SEGMENTS = ("promoter", "passive", "detractor")
CASE_STATES = ("open", "solved", "recovered")


@dataclass(frozen=True)
class PropertyDefinition:
    """One property.

    Attributes:
        suffix: follows the configured prefix in its name.
        kind, field: HubSpot's `type` and `fieldType`.
        options: the values of an enumeration.
        action: the action that writes it.
    """

    suffix: str
    kind: str
    field: str
    options: tuple[str, ...] = ()
    action: Literal["write_score", "write_case_outcome"] = "write_score"

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
        if self.options:
            definition["options"] = self.option_bodies(language)
        return definition

    def option_bodies(self, language: str) -> list[dict[str, Any]]:
        """Return the options with their labels."""
        return [
            {"label": translate(value, language), "value": value, "displayOrder": position, "hidden": False}
            for position, value in enumerate(self.options)
        ]


PROPERTY_DEFINITIONS = (
    PropertyDefinition("score", "number", "number"),
    PropertyDefinition("category", "enumeration", "select", SEGMENTS),
    PropertyDefinition("comment", "string", "textarea"),
    PropertyDefinition("answered_at", "datetime", "date"),
    PropertyDefinition("survey", "string", "text"),
    PropertyDefinition("touchpoint", "string", "text"),
    PropertyDefinition("previous_score", "number", "number"),
    PropertyDefinition("response_id", "string", "text"),
    PropertyDefinition("response_count", "number", "number"),
    PropertyDefinition("case_state", "enumeration", "select", CASE_STATES, "write_case_outcome"),
    PropertyDefinition("case_opened_at", "datetime", "date", action="write_case_outcome"),
    PropertyDefinition("case_changed_at", "datetime", "date", action="write_case_outcome"),
    PropertyDefinition("case_handled_by", "string", "text", action="write_case_outcome"),
    PropertyDefinition("case_recovered_score", "number", "number", action="write_case_outcome"),
    PropertyDefinition("case_ticket", "string", "text", action="write_case_outcome"),
    PropertyDefinition("case_reference", "string", "text", action="write_case_outcome"),
)
