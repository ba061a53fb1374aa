"""A suppression that was deleted stays deleted when the journal is replayed on a restored database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppression_journal import SuppressionJournal
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.services.suppressions.replay import replay_journals
from nps_connect.services.suppressions.store import suppress, withdraw

SUBJECT = mailbox_subject(mailbox_hash("marie@example.com"))


@pytest.fixture
def ctx(application, tmp_path):
    return replace(application.ctx, journal=SuppressionJournal(tmp_path / "suppressions.log", ["a-key"]))


def load(session) -> list[SuppressionRow]:
    return list(session.execute(select(SuppressionRow)).scalars())


@pytest.mark.parametrize(("steps", "expected"), [("sw", []), ("sws", ["bounced"])])
def test_the_newest_entry_of_the_journal_counts(application, ctx, steps, expected):
    started_at = application.clock()
    with ctx.ledger.write() as session:
        for step in steps:
            if step == "s":
                suppress(ctx, session, [SUBJECT], "bounced", source="test")
            else:
                withdraw(ctx, session, load(session))
            application.clock.forward("1m")
        restored = replace(ctx, journal=ctx.journal.without_file())
        withdraw(restored, session, load(session))
        suppress(restored, session, [SUBJECT], "bounced", source="the backup")
    replay_journals(ctx, [ctx.journal.path], since=started_at - timedelta(hours=1))
    with ctx.ledger.read() as session:
        assert [row.reason for row in load(session)] == expected
