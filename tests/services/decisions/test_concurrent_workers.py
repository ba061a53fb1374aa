"""Concurrent workers never survey a person twice within the cooldown."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import START

from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.tables import InvitationRow
from nps_connect.services.decisions.drain_events import drain_events

WORKERS = 4
PEOPLE = 12


def test_concurrent_workers_survey_each_person_once_per_cooldown(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"triggers": [{"on": "deal.won", "from": "crm", "survey": "after-purchase"}]}
    )
    for person in range(PEOPLE):
        shared = f"desk{person // 2}@example.com"
        application.crm.knows(str(person), shared)
    for request in range(20):
        application.webhook(
            *(
                application.won(
                    str(person), deal=f"{request}-{person}", at=START - timedelta(minutes=(request * 7 + person) % 50)
                )
                for person in range(PEOPLE)
            )
        )
    application.store()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while drain_events(application.ctx, "crm"):
                pass
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with ledger.read() as session:
        contact_ids = list(session.execute(select(InvitationRow.contact_id)).scalars())
        mailboxes = [
            subject for subject in session.execute(select(CooldownRow.subject)).scalars() if subject.startswith("m:")
        ]
    assert len(contact_ids) == len(set(contact_ids)) == PEOPLE // 2, "one survey per mailbox"
    assert len(mailboxes) == PEOPLE // 2
