"""What a connection needs at its vendor: planned, then created. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.records.findings import SetupChange
from nps_connect.services.context import Context


def plan_setup(ctx: Context, connection: str) -> list[SetupChange]:
    """What is missing or differs; nothing for a plugin that needs nothing at its vendor.

    Raises:
        DeliveryError: the vendor refuses or cannot be reached.
        PluginError: the plugin breaks its contract.
    """
    if not ctx.has(connection, "nps_plan_setup"):
        return []
    return list(ctx.plugins.call(ctx.plugin_name(connection), "nps_plan_setup", connection=ctx.connections[connection]))


def apply_setup(ctx: Context, connection: str, changes: Sequence[SetupChange]) -> list[SetupChange]:
    """Carry out what can be, and give what was done; what is blocked is left to the vendor's admin.

    Raises:
        DeliveryError: the vendor refuses or cannot be reached; what was done before stays done.
        PluginError: the plugin breaks its contract.
    """
    open_to_us = [change for change in changes if change.change != "blocked"]
    if not open_to_us or not ctx.has(connection, "nps_apply_setup"):
        return []
    return list(
        ctx.plugins.call(
            ctx.plugin_name(connection),
            "nps_apply_setup",
            connection=ctx.connections[connection],
            changes=open_to_us,
        )
    )


def apply_all_setups(ctx: Context) -> dict[str, list[SetupChange]]:
    """Create what is missing at every connection; what was done, by connection.

    Raises:
        DeliveryError: a vendor refuses or cannot be reached.
        PluginError: a plugin breaks its contract.
    """
    return {name: apply_setup(ctx, name, plan_setup(ctx, name)) for name in ctx.connections}
