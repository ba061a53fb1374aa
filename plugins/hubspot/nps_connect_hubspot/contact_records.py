"""Conversion of HubSpot's contact records to `Contact`. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from nps_connect import Connection, Contact
from nps_connect_hubspot.settings import HubSpotSettings

IDENTITY_PROPERTIES = ("email", "hs_additional_emails", "firstname", "lastname", "hs_timezone")
MERGED_ID_PROPERTIES = ("hs_merged_object_ids", "hs_calculated_merged_vids")
_LANGUAGE = re.compile(r"^([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))?$")


def properties_to_read(settings: HubSpotSettings, extra_properties: Iterable[str] = ()) -> set[str]:
    """Return the contact properties that a `Contact` needs, with those that filters name."""
    return {
        *IDENTITY_PROPERTIES,
        *MERGED_ID_PROPERTIES,
        settings.language_property,
        *opt_out_properties(settings),
        *extra_properties,
    }


def opt_out_properties(settings: HubSpotSettings) -> tuple[str, ...]:
    """Return the properties that mean an opt-out; HubSpot keeps one per subscription type as well."""
    subscription = settings.opt_out_subscription
    per_type = (f"hs_email_optout_{subscription}",) if isinstance(subscription, int) else ()
    return (*settings.opt_out_properties, *per_type)


def build_contact(
    connection: Connection[HubSpotSettings], raw: Mapping[str, Any], extra_properties: Collection[str] = ()
) -> Contact:
    """Build the contact of a record.

    Args:
        connection: the connection that knows the person.
        raw: the record in HubSpot's form.
        extra_properties: properties that become `Contact.fields`.
    """
    settings = connection.settings
    properties = properties_of(raw)
    names = (text_of(properties, "firstname"), text_of(properties, "lastname"))
    flags = (text_of(properties, name).casefold() for name in opt_out_properties(settings))
    return Contact(
        connection=connection.name,
        id=str(raw["id"]),
        email=text_of(properties, "email") or None,
        other_emails=tuple(split_list(properties.get("hs_additional_emails"))),
        name=" ".join(name for name in names if name) or None,
        language=language_tag(text_of(properties, settings.language_property)),
        timezone=_time_zones().get(text_of(properties, "hs_timezone").casefold()),
        opted_out=any(flag in ("true", "yes", "1") for flag in flags),
        deleted=raw.get("archived") is True,
        merged_ids=tuple(merged_ids(raw)),
        link=record_url(settings, raw),
        fields={name: properties[name] for name in extra_properties if name in properties},
    )


def properties_of(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a record's properties; empty values become None."""
    properties = raw.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: str(value) if value not in (None, "") else None for name, value in properties.items()}


def text_of(properties: Mapping[str, str | None], name: str) -> str:
    """Return a property without surrounding blanks; None becomes an empty text."""
    return (properties.get(name) or "").strip()


def split_list(value: str | None) -> list[str]:
    """Split one of HubSpot's semicolon-separated lists."""
    return [part.strip() for part in (value or "").split(";") if part.strip()]


def merged_ids(raw: Mapping[str, Any]) -> list[str]:
    """Return the ids that were merged into this record (the second property appends a time to each)."""
    properties = properties_of(raw)
    ids = [
        *split_list(properties.get(MERGED_ID_PROPERTIES[0])),
        *(part.partition(":")[0] for part in split_list(properties.get(MERGED_ID_PROPERTIES[1]))),
    ]
    return [merged_id for merged_id in dict.fromkeys(ids) if merged_id != str(raw.get("id"))]


def records_by_id(records: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return records by id; the id of a merged record leads to the surviving one."""
    by_id: dict[str, Mapping[str, Any]] = {}
    for raw in records:
        for merged_id in merged_ids(raw):
            by_id.setdefault(merged_id, raw)
        by_id[str(raw.get("id"))] = raw
    return by_id


def language_tag(value: str) -> str | None:
    """Return a language tag for HubSpot's ``fr`` or ``pt-br`` (region in capitals), or None."""
    match = _LANGUAGE.match(value)
    if match is None:
        return None
    language, region = match[1].lower(), match[2]
    return f"{language}-{region.upper() if len(region) == 2 else region}" if region else language


def record_url(settings: HubSpotSettings, raw: Mapping[str, Any]) -> str | None:
    """Return the address of the record's page: HubSpot's own, or one built from the portal id."""
    url = raw.get("url")
    if isinstance(url, str) and url.startswith("https://"):
        return url
    if settings.portal_id is None:
        return None
    return f"https://app.hubspot.com/contacts/{settings.portal_id}/record/0-1/{raw['id']}"


@cache
def _time_zones() -> Mapping[str, str]:
    """Return IANA names by the form of `hs_timezone`: ``america_slash_new_york``."""
    return {name.replace("/", "_slash_").replace("-", "_hyphen_").casefold(): name for name in available_timezones()}
