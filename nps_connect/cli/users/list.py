"""``nps-connect users list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from nps_connect.ledger.users import UserRow

COLUMNS = {
    "email": "email",
    "name": "name",
    "role": lambda row: f"{row['role']} ({row['team']})" if row["team"] else row["role"],
    "state": "state",
    "last sign-in": "last_sign_in_at",
}


@command
def list_(options: Options, as_json: bool) -> None:
    """List the users of the console by name. State: active, invited (no password yet) or locked."""
    from nps_connect.services.users.store import list_users

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = [user_json(row) for row in list_users(session)]
    print_list(rows, COLUMNS, empty="no users: there is no console", as_json=as_json, zone=options.zone(settings))


def user_json(row: UserRow) -> dict[str, Any]:
    """Return a user for ``--json``."""
    state = "locked" if row.locked_at is not None else "active" if row.password_hash else "invited"
    names = "email", "name", "role", "team", "language"
    return attributes(row, *names) | {"state": state} | attributes(row, "created_by", "created_at", "last_sign_in_at")
