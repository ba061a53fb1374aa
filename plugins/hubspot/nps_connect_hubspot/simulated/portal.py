"""Data of a portal: records with property history, associations, definitions, preferences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nps_connect import FieldValue
from nps_connect_hubspot.simulated.property_definitions import built_in_definitions, value_error
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, invalid_values, not_found

CONTACT, DEAL, TICKET, NOTE, TASK = "contacts", "deals", "tickets", "notes", "tasks"
OBJECT_TYPES = {CONTACT: "0-1", DEAL: "0-3", TICKET: "0-5", NOTE: "0-46", TASK: "0-27"}
MODIFIED_PROPERTIES = {CONTACT: "lastmodifieddate"}
STAGE_PROPERTIES = {DEAL: "dealstage", TICKET: "hs_pipeline_stage"}
ALL_SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.deals.read",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.deals.read",
    "communication_preferences.read",
    "communication_preferences.write",
    "tickets",
)


def format_moment(moment: datetime) -> str:
    """Return a time in HubSpot's format."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Record:
    """A contact, deal, ticket, note or task."""

    id: str
    kind: str
    created: datetime
    updated: datetime
    properties: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[JsonObject]] = field(default_factory=dict)
    archived: bool = False

    def set(self, values: Mapping[str, str], now: datetime, source: str = "INTEGRATION") -> None:
        """Write properties; setting the same value again is no change."""
        for name, value in values.items():
            if self.properties.get(name, "") != value:
                self.properties[name] = value
                self.history.setdefault(name, []).insert(
                    0, {"value": value, "timestamp": format_moment(now), "sourceType": source, "sourceId": None}
                )
        self.updated = now

    def to_json(self, names: Iterable[str], history: Iterable[str] = ()) -> JsonObject:
        """Return the record as in a response: the requested properties, and those that are always included."""
        always = {
            "createdate": format_moment(self.created),
            MODIFIED_PROPERTIES.get(self.kind, "hs_lastmodifieddate"): format_moment(self.updated),
            "hs_object_id": self.id,
        }
        requested = {name: self.properties.get(name) for name in names}
        content: JsonObject = {
            "id": self.id,
            "properties": {**requested, **always},
            "createdAt": format_moment(self.created),
            "updatedAt": format_moment(self.updated),
            "archived": self.archived,
        }
        if self.archived:
            content["archivedAt"] = format_moment(self.updated)
        if with_history := list(history):
            content["propertiesWithHistory"] = {name: self.history.get(name, []) for name in with_history}
        return content


@dataclass
class Portal:
    """All data of one account.

    Attributes:
        records: by object type and id.
        survivors: id of the surviving record, by the id that was merged into it.
        links: associated ids with their association types, by (from type, id, to type).
        definitions, groups: by object type and name.
        statuses: subscription states by address and subscription id; the key 0 stands for all subscriptions.
        scopes: scopes of the token.
        locked: ids of records that another process has locked (423).
        is_open: properties and stages that are not defined exist nevertheless: the account is not known.
    """

    portal_id: int = 4242424
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {kind: {} for kind in OBJECT_TYPES})
    survivors: dict[str, str] = field(default_factory=dict)
    links: dict[tuple[str, str, str], dict[str, list[JsonObject]]] = field(default_factory=dict)
    definitions: dict[str, dict[str, JsonObject]] = field(default_factory=built_in_definitions)
    groups: dict[str, dict[str, JsonObject]] = field(default_factory=lambda: {CONTACT: {}})
    statuses: dict[str, dict[int, str]] = field(default_factory=dict)
    subscriptions: list[JsonObject] = field(default_factory=list)
    target_url: str = ""
    scopes: set[str] = field(default_factory=lambda: set(ALL_SCOPES))
    locked: set[str] = field(default_factory=set)
    is_open: bool = False
    _last_id: int = 100

    def create(self, kind: str, values: Mapping[str, str], now: datetime) -> Record:
        """Create a record."""
        self._last_id += 1
        record = Record(str(self._last_id), kind, now, now)
        self.records[kind][record.id] = record
        record.set(values, now)
        return record

    def find(self, kind: str, value: str, id_property: str | None = None) -> Record:
        """Return a record by id (a merged id leads to the survivor) or by a unique property.

        Raises:
            Refusal: 404.
        """
        if id_property in (None, "hs_object_id"):
            record = self.records[kind].get(self.survivor(value))
        else:
            name = str(id_property)
            normalized = value.strip().casefold()
            record = next(
                (
                    candidate
                    for candidate in self.records[kind].values()
                    if candidate.properties.get(name, "").casefold() == normalized and not candidate.archived
                ),
                None,
            )
        if record is None:
            raise not_found(value)
        return record

    def known_values(self, kind: str, fields: Mapping[str, FieldValue]) -> dict[str, str]:
        """Return the values of the properties that the portal has, as texts; missing ones are left out."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in fields.items()
            if value is not None and (self.is_open or name in self.definitions.get(kind, {}))
        }

    def existing_stage(self, kind: str, stages: Iterable[str]) -> str | None:
        """Return the first of these stages that a pipeline has, or None."""
        options = {option["value"] for option in self.definitions[kind][STAGE_PROPERTIES[kind]]["options"]}
        return next((stage for stage in stages if self.is_open or stage in options), None)

    def survivor(self, record_id: str) -> str:
        """Return the id that a merged id leads to."""
        while record_id in self.survivors:
            record_id = self.survivors[record_id]
        return record_id

    def check(self, kind: str, values: Mapping[str, Any]) -> None:
        """Reject values that are invalid for their properties.

        Raises:
            Refusal: 400 VALIDATION_ERROR.
        """
        definitions = self.definitions.get(kind, {})
        errors = [error for name, value in values.items() if (error := value_error(definitions.get(name), name, value))]
        if errors:
            raise invalid_values(errors)

    def check_unique(self, kind: str, values: Mapping[str, Any]) -> None:
        """Reject a new contact with the address of another one.

        Raises:
            Refusal: 409 (https://github.com/HubSpot/hubspot-api-python/issues/51).
        """
        existing = self.contact(str(values["email"])) if kind == CONTACT and values.get("email") else None
        if existing is not None:
            raise Refusal(409, "CONFLICT", f"Contact already exists. Existing ID: {existing.id}")

    def link(self, source: Record, target: Record, type_id: int, label: str | None = None) -> None:
        """Associate two records, in both directions."""
        for origin, other in ((source, target), (target, source)):
            kind = {"category": "USER_DEFINED" if label else "HUBSPOT_DEFINED", "typeId": type_id, "label": label}
            self.links.setdefault((origin.kind, origin.id, other.kind), {}).setdefault(other.id, []).append(kind)

    def contact(self, email: str) -> Record | None:
        """Return the contact with this primary or secondary address."""
        normalized = email.casefold()
        for record in self.records[CONTACT].values():
            others = record.properties.get("hs_additional_emails", "").casefold().split(";")
            if not record.archived and normalized in (record.properties.get("email", "").casefold(), *others):
                return record
        return None

    def merge(self, survivor: Record, merged: Record, now: datetime) -> None:
        """Merge two contacts: the merged id leads to the survivor, and its address becomes a secondary one."""
        del self.records[CONTACT][merged.id]
        self.survivors[merged.id] = survivor.id
        merged_ids = [*filter(None, survivor.properties.get("hs_merged_object_ids", "").split(";")), merged.id]
        emails = [*filter(None, survivor.properties.get("hs_additional_emails", "").split(";"))]
        if merged.properties.get("email"):
            emails.append(merged.properties["email"])
        survivor.set({"hs_merged_object_ids": ";".join(merged_ids), "hs_additional_emails": ";".join(emails)}, now)
