"""Look contacts up at the vendor that knows them."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.errors import PluginError
from nps_connect.records.contacts import ContactKey, ContactMatch
from nps_connect.services.context import Context


def find_contacts(ctx: Context, connection: str, keys: Sequence[ContactKey]) -> list[ContactMatch]:
    """Look contacts up at a connection with one hook call; one match per key, in the order of the keys.

    Raises:
        DeliveryError: the vendor is unavailable or refuses.
        PluginError: the plugin did not return one match per key, in order.
    """
    target = ctx.connections[connection]
    matches: list[ContactMatch] = list(
        ctx.plugins.call(target.settings.plugin, "nps_find_contacts", connection=target, keys=keys)
    )
    if [match.key for match in matches] != list(keys):
        raise PluginError(target.settings.plugin, "nps_find_contacts did not answer key by key, in order")
    return matches
