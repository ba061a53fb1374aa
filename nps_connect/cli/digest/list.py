"""``nps-connect digest list``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table


@command
def list_(options: Options, as_json: bool) -> None:
    """List the recipients of each digest, and since when one has left it."""
    from sqlalchemy import select

    from nps_connect.ledger.digests import DigestOptOutRow
    from nps_connect.ledger.subjects import mailbox_hash

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        left = {(row.scope, row.mailbox): row.at for row in session.execute(select(DigestOptOutRow)).scalars()}
        zone = options.zone(settings)
    rows = [
        {"team": scope or None, "address": email, "left_at": left.get((scope, mailbox_hash(email)))}
        for scope, emails in settings.digest_recipients.items()
        for email in emails
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["digest of", "address", "left on"],
        [(row["team"] or "the company", row["address"], row["left_at"]) for row in rows],
        empty="nobody receives a digest; see [digest] in the documentation",
        zone=zone,
    )
