"""From HubSpot's record of a person to a `Contact`. Pure."""

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


def properties_to_read(settings: HubSpotSettings, further: Iterable[str] = ()) -> set[str]:
    """The contact properties that make a `Contact`, and those that filters ask for."""
    return {
        *IDENTITY_PROPERTIES,
        *MERGED_ID_PROPERTIES,
        settings.language_property,
        *opt_out_properties(settings),
        *further,
    }


def opt_out_properties(settings: HubSpotSettings) -> tuple[str, ...]:
    """Properties that mean "wants no such mail"; HubSpot keeps one per subscription type as well."""
    subscription = settings.opt_out_subscription
    own = (f"hs_email_optout_{subscription}",) if isinstance(subscription, int) else ()
    return (*settings.opt_out_properties, *own)


def build_contact(connection: Connection, raw: Mapping[str, Any], further: Collection[str] = ()) -> Contact:
    """The person that a record is about.

    Args:
        connection: the account that knows the person.
        raw: the record as HubSpot writes it.
        further: properties to give as `Contact.fields`.
    """
    settings: HubSpotSettings = connection.settings
    told = properties_of(raw)
    names = (text_of(told, "firstname"), text_of(told, "lastname"))
    return Contact(
        connection=connection.name,
        id=str(raw["id"]),
        email=text_of(told, "email") or None,
        other_emails=tuple(split_list(told.get("hs_additional_emails"))),
        name=" ".join(name for name in names if name) or None,
        language=language_tag(text_of(told, settings.language_property)),
        timezone=_time_zones().get(text_of(told, "hs_timezone").casefold()),
        opted_out=any(text_of(told, name).casefold() in ("true", "yes", "1") for name in opt_out_properties(settings)),
        deleted=raw.get("archived") is True,
        merged_ids=tuple(merged_ids(raw)),
        link=record_url(settings, raw),
        fields={name: told[name] for name in further if name in told},
    )


def properties_of(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """A record's properties; empty ones are none."""
    told = raw.get("properties")
    if not isinstance(told, dict):
        return {}
    return {name: str(value) if value not in (None, "") else None for name, value in told.items()}


def text_of(told: Mapping[str, str | None], name: str) -> str:
    """A property without surrounding blanks; nothing is an empty text."""
    return (told.get(name) or "").strip()


def split_list(value: str | None) -> list[str]:
    """HubSpot's lists are texts with semicolons."""
    return [part.strip() for part in (value or "").split(";") if part.strip()]


def merged_ids(raw: Mapping[str, Any]) -> list[str]:
    """Ids that were merged into this record (the second property adds a time to each)."""
    told = properties_of(raw)
    ids = [
        *split_list(told.get(MERGED_ID_PROPERTIES[0])),
        *(part.partition(":")[0] for part in split_list(told.get(MERGED_ID_PROPERTIES[1]))),
    ]
    return [found for found in dict.fromkeys(ids) if found != str(raw.get("id"))]


def records_by_id(records: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Records by id; a merged id leads to the survivor."""
    found: dict[str, Mapping[str, Any]] = {}
    for raw in records:
        for former in merged_ids(raw):
            found.setdefault(former, raw)
        found[str(raw.get("id"))] = raw
    return found


def language_tag(value: str) -> str | None:
    """HubSpot writes ``fr`` or ``pt-br``; the region goes in capitals."""
    match = _LANGUAGE.match(value)
    if match is None:
        return None
    language, region = match[1].lower(), match[2]
    return f"{language}-{region.upper() if len(region) == 2 else region}" if region else language


def record_url(settings: HubSpotSettings, raw: Mapping[str, Any]) -> str | None:
    """The record's page: as HubSpot tells it, or made from the portal's number."""
    url = raw.get("url")
    if isinstance(url, str) and url.startswith("https://"):
        return url
    if settings.portal_id is None:
        return None
    return f"https://app.hubspot.com/contacts/{settings.portal_id}/record/0-1/{raw['id']}"


@cache
def _time_zones() -> Mapping[str, str]:
    """IANA names by the form in which `hs_timezone` writes them: ``america_slash_new_york``."""
    return {name.replace("/", "_slash_").replace("-", "_hyphen_").casefold(): name for name in available_timezones()}
