"""Operating: what an ops engineer asks of a connection."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.findings import Finding, SetupChange


@hookspec
def nps_check(connection: Connection) -> Sequence[Finding]:  # type: ignore[empty-body]
    """Check the account: reachable, authorised, scopes, quota left, set-up complete. Reads only.

    Raises:
        DeliveryError: any; shown as a finding of severity `error`.
    """


@hookspec
def nps_authorize(connection: Connection, code: str | None) -> str | None:
    """Sign in with the consent of somebody at the vendor (OAuth authorization code); ``connections login`` calls it.

    Called twice: without a code it answers the address to open (none if this connection needs nobody's consent), with
    the code that came back it redeems it and writes the tokens to the connection's token store before using them.

    Raises:
        AuthFailed: the vendor does not take the code.
        DeliveryError: any other.
    """


@hookspec
def nps_plan_setup(connection: Connection) -> Sequence[SetupChange]:  # type: ignore[empty-body]
    """List what is missing or differs at the vendor (properties, fields). Reads only; empty when all is there.

    Raises:
        DeliveryError: any.
    """


@hookspec
def nps_apply_setup(connection: Connection, changes: Sequence[SetupChange]) -> Sequence[SetupChange]:  # type: ignore[empty-body]
    """Carry out planned changes and return those that were done. Twice is harmless; nothing is ever deleted.

    Raises:
        DeliveryError: any; what was done before stays done.
    """
