"""Shared by ``triggers release`` and ``triggers refuse``: the number of people held by a trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_known

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.settings.model import Settings


def count_held_people(ledger: Ledger, settings: Settings, name: str) -> int:
    """Return how many people a trigger holds.

    Raises:
        click.UsageError: there is no such trigger; names the nearest one.
        CommandError: the trigger holds nobody.
    """
    from sqlmodel import col

    from nps_connect.ledger.current_counts import count_held
    from nps_connect.ledger.tables import DecisionRow

    with ledger.read() as session:
        held_by_trigger = count_held(session)
        if name in held_by_trigger:
            return held_by_trigger[name]
        names = list(dict.fromkeys([*held_by_trigger, *settings.trigger_by_label]))
        require_known(name, names, "trigger", session, col(DecisionRow.trigger))
    raise CommandError(f"trigger {name!r} holds nobody; see: nps-connect triggers list")
