"""The audit log for commands: who runs which one."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.audit_log import Actor


def current_actor() -> Actor:
    """Return the operating system's user, by number if it has no name."""
    from nps_connect.ledger.audit_log import Actor

    try:
        return Actor("cli", getpass.getuser())
    except (OSError, KeyError):
        return Actor("cli", f"uid {os.getuid()}")


def audit_command(session: Session, target: str, *, reason: str | None = None) -> None:
    """Record in a transaction that the user runs the present command.

    Args:
        session: the transaction that carries it out, or one before it if the command has several.
        target: what it changes, by ids, hashes and configured names only: erasures do not reach the audit log.
        reason: as given.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.audit_log import record_audit

    context, names = click.get_current_context(), list[str]()
    while context.parent is not None:
        names.insert(0, context.info_name or "")
        context = context.parent
    record_audit(session, current_actor(), " ".join(names), target, now=system_clock(), reason=reason)


def describe_targets(noun: str, plural: str, ids: Sequence[int]) -> str:
    """Return changed rows for the audit log: ``delivery:7``, or ``3 deliveries: 7, 8, 9``."""
    if len(ids) == 1:
        return f"{noun}:{ids[0]}"
    return f"{len(ids)} {plural}: {', '.join(map(str, ids))}"
