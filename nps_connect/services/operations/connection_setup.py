"""``connections plan`` and ``connections apply``: create or change what a plugin needs in the vendor account.

Such as custom properties for scores, or webhooks. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.records.findings import SetupChange
from nps_connect.services.context import Context


def plan_setup(ctx: Context, connection: str) -> list[SetupChange]:
    """Return what is missing or differs in the vendor account; empty for a plugin that needs nothing there.

    Raises:
        DeliveryError: the vendor refuses or cannot be reached.
        PluginError: the plugin breaks its contract.
    """
    if not ctx.has(connection, "nps_plan_setup"):
        return []
    target = ctx.connections[connection]
    return list(ctx.plugins.call(target.settings.plugin, "nps_plan_setup", connection=target))


def apply_setup(ctx: Context, connection: str, changes: Sequence[SetupChange]) -> list[SetupChange]:
    """Apply the changes that are not blocked and return them; blocked ones need an administrator of the account.

    Raises:
        DeliveryError: the vendor refuses or cannot be reached; earlier changes stay applied.
        PluginError: the plugin breaks its contract.
    """
    applicable = [change for change in changes if change.change != "blocked"]
    if not applicable or not ctx.has(connection, "nps_apply_setup"):
        return []
    target = ctx.connections[connection]
    return list(ctx.plugins.call(target.settings.plugin, "nps_apply_setup", connection=target, changes=applicable))


def apply_all_setups(ctx: Context) -> dict[str, list[SetupChange]]:
    """Set up every connection; return the applied changes by connection.

    Raises:
        DeliveryError: a vendor refuses or cannot be reached.
        PluginError: a plugin breaks its contract.
    """
    return {name: apply_setup(ctx, name, plan_setup(ctx, name)) for name in ctx.connections}
