"""Held triggers as operators write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_connect.cli.guarding import Failure

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger


def held(ledger: Ledger, name: str) -> int:
    """How many people a held trigger is about.

    Raises:
        Failure: nothing of it is held; with the nearest one that is.
    """
    from nps_connect.flows.deciding.holding import held_triggers
    from nps_connect.settings.places import nearest

    with ledger.read() as session:
        known = held_triggers(session)
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else "; see: nps-connect status"
    raise Failure(f"nothing of trigger {name!r} is held{hint}")
