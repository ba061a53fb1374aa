"""Account setup: the property group, the properties and the webhook subscriptions that the plugin needs.

Nothing is ever deleted, and nothing that an admin locked or defined differently is changed; it is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nps_connect import Connection, Rejected, RetryLater, SetupChange, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_properties import PROPERTY_DEFINITIONS, PropertyDefinition
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.webhook_subscriptions import create_subscription, plan_subscriptions

CONTACTS = "contacts"
NOT_FOUND_STATUS, CONFLICT_STATUS = 404, 409


@hookimpl
def nps_plan_setup(connection: Connection[HubSpotSettings]) -> Sequence[SetupChange]:
    """Return what is missing or differs."""
    api = Api(connection, "plan_setup")
    changes = list(_plan_group(api, connection))
    existing = _load_definitions(api)
    for definition in PROPERTY_DEFINITIONS:
        if definition.action in connection.disabled_actions:
            continue
        changes += _plan_property(existing, connection, definition)
    return [*changes, *plan_subscriptions(api, connection)]


@hookimpl
def nps_apply_setup(connection: Connection[HubSpotSettings], changes: Sequence[SetupChange]) -> Sequence[SetupChange]:
    """Create what is missing, the group before its properties; objects that exist already count as done."""
    api = Api(connection, "apply_setup")
    steps: dict[str, Callable[[str], None]] = {
        "group": lambda _name: _create_group(api, connection),
        "property": lambda name: _create_property(api, connection, name),
        "options": lambda name: _add_options(api, connection, name),
        "subscription": lambda name: create_subscription(api, name),
    }
    applicable = [change for change in changes if change.change != "blocked"]
    done = []
    for change in sorted(applicable, key=lambda change: list(steps).index(_change_kind(change))):
        steps[_change_kind(change)](change.id.partition(":")[2])
        done.append(change)
    return done


def _change_kind(change: SetupChange) -> str:
    return change.id.partition(":")[0]


def _plan_group(api: Api, connection: Connection[HubSpotSettings]) -> Iterator[SetupChange]:
    name = api.settings.property_group
    if api.get(api.paths.group(CONTACTS, name), accept=(NOT_FOUND_STATUS,)).status == NOT_FOUND_STATUS:
        title = translate("group", connection.default_language)
        yield SetupChange(id=f"group:{name}", change="create", text=f"create the property group {name} ({title})")


def _load_definitions(api: Api) -> dict[str, dict[str, Any]]:
    """Return all contact properties of the portal by name."""
    body = api.get(api.paths.definitions(CONTACTS)).json_or_none()
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise RetryLater("unexpected response from HubSpot instead of a list of properties")
    return {str(definition.get("name")): definition for definition in results if isinstance(definition, dict)}


def _plan_property(
    existing: Mapping[str, dict[str, Any]], connection: Connection[HubSpotSettings], definition: PropertyDefinition
) -> Iterator[SetupChange]:
    name = connection.settings.property_prefix + definition.suffix
    if name in existing:
        yield from _compare(existing[name], name, definition, connection)
        return
    kind = f"{definition.kind}, {definition.field}"
    yield SetupChange(id=f"property:{name}", change="create", text=f"create the contact property {name} ({kind})")


def _compare(
    existing: dict[str, Any], name: str, definition: PropertyDefinition, connection: Connection[HubSpotSettings]
) -> Iterator[SetupChange]:
    metadata = existing.get("modificationMetadata")
    locks = metadata if isinstance(metadata, dict) else {}
    if existing.get("type") != definition.kind:
        yield SetupChange(
            id=f"property:{name}",
            change="blocked",
            text=f"the contact property {name} is of type {existing.get('type')}, not {definition.kind}: rename or "
            "delete it in HubSpot, or choose another property_prefix",
        )
        return
    if locks.get("readOnlyValue") is True:
        yield SetupChange(
            id=f"property:{name}",
            change="blocked",
            text=f"the values of the contact property {name} are locked: an admin must unlock them in HubSpot",
        )
    missing = _missing_options(existing, definition, connection.default_language)
    if missing:
        listed = ", ".join(option["value"] for option in missing)
        is_locked = locks.get("readOnlyDefinition") is True or locks.get("readOnlyOptions") is True
        text = f"add to the contact property {name} the options {listed}"
        yield SetupChange(
            id=f"options:{name}",
            change="blocked" if is_locked else "update",
            text=f"{text}: an admin locked its definition and must do it in HubSpot" if is_locked else text,
        )


def _missing_options(existing: dict[str, Any], definition: PropertyDefinition, language: str) -> list[dict[str, Any]]:
    values = {option.get("value") for option in existing.get("options") or () if isinstance(option, dict)}
    return [option for option in definition.option_bodies(language) if option["value"] not in values]


def _create_group(api: Api, connection: Connection[HubSpotSettings]) -> None:
    title = translate("group", connection.default_language)
    body = {"name": api.settings.property_group, "label": title, "displayOrder": -1}
    api.send("POST", api.paths.groups(CONTACTS), body, idempotent=True, accept=(CONFLICT_STATUS,))


def _create_property(api: Api, connection: Connection[HubSpotSettings], name: str) -> None:
    body = _definition_named(api, name).body(api.settings, connection.default_language)
    response = api.send("POST", api.paths.definitions(CONTACTS), body, idempotent=True, accept=(CONFLICT_STATUS,))
    if (
        response.status == CONFLICT_STATUS
        and api.get(api.paths.definition(CONTACTS, name), accept=(NOT_FOUND_STATUS,)).status == NOT_FOUND_STATUS
    ):
        raise Rejected(f"HubSpot keeps an archived contact property {name}: restore it in HubSpot, then apply again")


def _definition_named(api: Api, name: str) -> PropertyDefinition:
    suffix = name.removeprefix(api.settings.property_prefix)
    return next(definition for definition in PROPERTY_DEFINITIONS if definition.suffix == suffix)


def _add_options(api: Api, connection: Connection[HubSpotSettings], name: str) -> None:
    existing = api.get(api.paths.definition(CONTACTS, name)).json()
    missing = _missing_options(existing, _definition_named(api, name), connection.default_language)
    if missing:
        # PATCH replaces the whole list, so options that an admin added are sent along.
        body = {"options": [*(existing.get("options") or ()), *missing]}
        api.send("PATCH", api.paths.definition(CONTACTS, name), body, idempotent=True)
