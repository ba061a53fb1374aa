"""Held triggers as operators write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_connect.cli._support.errors import CommandError

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger


def count_held(ledger: Ledger, name: str) -> int:
    """How many people a held trigger is about.

    Raises:
        Failure: nothing of it is held; with the nearest one that is.
    """
    from nps_connect.services.decisions.held_triggers import count_held
    from nps_connect.settings.key_paths import nearest

    with ledger.read() as session:
        known = count_held(session)
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else "; see: nps-connect status"
    raise CommandError(f"nothing of trigger {name!r} is held{hint}")
