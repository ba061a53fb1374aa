"""Shared by ``triggers release`` and ``triggers refuse``: the number of people held by a trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import suggest_nearest

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger


def count_held_people(ledger: Ledger, name: str) -> int:
    """Return how many people a trigger holds.

    Raises:
        CommandError: the trigger holds nobody; names the nearest trigger that does.
    """
    from nps_connect.services.decisions.held_triggers import count_held

    with ledger.read() as session:
        held_by_trigger = count_held(session)
    if name in held_by_trigger:
        return held_by_trigger[name]
    hint = suggest_nearest(name, held_by_trigger) or "; see: nps-connect status"
    raise CommandError(f"trigger {name!r} holds nobody{hint}")
