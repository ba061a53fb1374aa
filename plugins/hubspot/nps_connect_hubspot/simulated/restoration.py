"""Give a simulated portal the properties, groups and scopes of a snapshot."""

from __future__ import annotations

from nps_connect import AccountSnapshot, VendorField
from nps_connect_hubspot.simulated.portal import ALL_SCOPES, CONTACT, Portal
from nps_connect_hubspot.simulated.property_definitions import build_definition, build_option, built_in_definitions
from nps_connect_hubspot.simulated.replies import JsonObject
from nps_connect_hubspot.snapshot import OBJECTS, PROBED_SCOPES


def restore_portal(portal: Portal, snapshot: AccountSnapshot) -> None:
    """Replace properties, groups and scopes; built-in properties keep their locks.

    Objects of which the snapshot says nothing keep their properties.
    """
    built_in = built_in_definitions()
    for noun, kind in OBJECTS.items():
        if noun not in snapshot.fields:
            continue
        portal.definitions[kind] = {
            name: _definition(name, field, built_in[kind].get(name))
            for name, field in snapshot.fields.get(noun, {}).items()
        }
    names = snapshot.objects.get("property_groups", ())
    portal.groups[CONTACT] = {name: {"name": name, "label": name, "archived": False} for name in names}
    if snapshot.scopes is not None:
        portal.scopes = (set(ALL_SCOPES) - PROBED_SCOPES) | set(snapshot.scopes)
    portal.is_open = False


def _definition(name: str, field: VendorField, built_in: JsonObject | None) -> JsonObject:
    options = [build_option(value, label) for value, label in field.options.items()]
    definition = built_in or build_definition(name)
    return {**definition, "type": field.type, "options": options}
