"""Before deciding: fill in events with the fields that triggers name and with their contacts, in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.errors import PluginError
from nps_connect.records.events import Event
from nps_connect.services.contacts.lookup import find_contacts
from nps_connect.services.context import Context
from nps_connect.services.reviews.locations import location_fields


def complete_events(ctx: Context, connection: str, events: Sequence[Event]) -> list[Event]:
    """The same events in the same order, with fields and contacts as far as the vendor knows them.

    Raises:
        DeliveryError: the vendor cannot tell now.
        PluginError: the plugin gave other events back than it was given.
    """
    plugin, account = ctx.plugin_name(connection), ctx.connections[connection]
    completed = list(events)
    if events and ctx.has(connection, "nps_complete_events"):
        completed = list(
            ctx.plugins.call(
                plugin,
                "nps_complete_events",
                connection=account,
                events=events,
                fields=_fields_to_complete(ctx, connection),
            )
        )
        if [event.key for event in completed] != [event.key for event in events]:
            raise PluginError(plugin, "nps_complete_events did not give the same events in the same order")
    open_keys = [event.contact_key for event in completed if event.contact_key and not event.contacts]
    if not open_keys or not ctx.has(connection, "nps_find_contacts"):
        return completed
    found = {match.key: match.contacts for match in find_contacts(ctx, connection, list(dict.fromkeys(open_keys)))}
    return [
        event.changed(contacts=found.get(event.contact_key, ())) if event.contact_key and not event.contacts else event
        for event in completed
    ]


def _fields_to_complete(ctx: Context, connection: str) -> list[str]:
    """The names that the filters of this connection's triggers use, and those that tell a review's place."""
    names = location_fields(ctx)
    for trigger in ctx.settings.triggers:
        if trigger.source == connection and trigger.label in ctx.filters:
            names |= ctx.filters[trigger.label].names
    return sorted(names)
