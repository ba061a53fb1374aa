"""Hooks for operations: check, authorize and set up a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.findings import Finding, SetupChange
from nps_connect.records.snapshots import AccountSnapshot


@hookspec
def nps_check(connection: Connection[Any]) -> Sequence[Finding]:  # type: ignore[empty-body]
    """Check the account: reachability, authorization, scopes, remaining quota, setup. Read-only.

    Raises:
        DeliveryError: any; shown as a finding of severity `error`.
    """


@hookspec
def nps_snapshot(connection: Connection[Any]) -> AccountSnapshot:  # type: ignore[empty-body]
    """Return the names in the account that settings and filters may refer to. Read-only; no data about people.

    Called by ``connections snapshot``. `doctor prove` restores it in the plugin's simulated vendor and runs `nps_check`
    there, so the snapshot holds whatever that check looks at.

    Raises:
        DeliveryError: any.
    """


@hookspec
def nps_authorize(connection: Connection[Any], code: str | None) -> str | None:
    """Authorize the connection with the OAuth authorization code flow; called by ``connections login``.

    Called twice: without a code, return the URL to open (None if the connection needs no consent); with the code of the
    vendor, redeem it and write the tokens to the connection's token store before using them.

    Raises:
        AuthFailed: the vendor rejects the code.
        DeliveryError: any other.
    """


@hookspec
def nps_plan_setup(connection: Connection[Any]) -> Sequence[SetupChange]:  # type: ignore[empty-body]
    """List the objects (properties, fields) that are missing or different at the vendor. Read-only.

    Raises:
        DeliveryError: any.
    """


@hookspec
def nps_apply_setup(connection: Connection[Any], changes: Sequence[SetupChange]) -> Sequence[SetupChange]:  # type: ignore[empty-body]
    """Apply planned changes and return those that were made. Idempotent; nothing is deleted.

    Raises:
        DeliveryError: any; changes made before remain.
    """
