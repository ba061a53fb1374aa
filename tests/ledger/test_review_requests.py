"""Nobody is asked twice for one platform, whatever the order of responses, deliveries and cancellations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, delete
from support.hypothesis_settings import ledger_settings

from nps_connect.ledger import review_requests
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.review_requests import ReviewRequestRow
from nps_connect.ledger.schema import create

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
COOLDOWN = timedelta(days=180)
SUBJECTS = {1: ["c:1", "m:x"], 2: ["c:2", "m:x"], 3: ["c:3", "m:y"]}

steps = st.lists(
    st.tuples(
        st.sampled_from(["respond", "send", "cancel"]),
        st.integers(1, 8),
        st.sampled_from(list(SUBJECTS)),
        st.sampled_from(["stars", "other"]),
        st.integers(0, 400),
    ),
    max_size=25,
)


class _UncheckedLedger:
    """A ledger in which reservations may refer to responses that do not exist."""

    def __init__(self, folder):
        self.ledger = Ledger(f"sqlite:///{folder / 'asks.db'}", create=True)
        create(self.ledger)

    def session(self) -> Session:
        session = Session(self.ledger.engine)
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        return session


@ledger_settings(30)
@given(steps=steps)
def test_each_mailbox_is_sent_one_invitation_per_platform_in_any_order(tmp_path_factory, steps):
    ledger = _UncheckedLedger(tmp_path_factory.mktemp("asks"))
    sent: list[tuple[str, str, datetime]] = []
    pending: dict[tuple[int, str], int] = {}
    now = NOW
    with ledger.session() as session:
        session.execute(delete(ReviewRequestRow))
        for step, number, person, platform, days in steps:
            now += timedelta(days=days % 90)
            response_id = number * 10 + person
            if step == "respond":
                nested = session.begin_nested()
                reservations = review_requests.build_reservations(
                    SUBJECTS[person], platform, response_id=response_id, until=now + COOLDOWN
                )
                if review_requests.reserve(session, reservations, now=now):
                    nested.commit()
                    pending.setdefault((response_id, platform), person)
                else:
                    nested.rollback()
            elif (response_id, platform) in pending:
                if step == "send":
                    review_requests.confirm(session, response_id, platform, until=now + COOLDOWN)
                    sent += [(subject, platform, now) for subject in SUBJECTS[pending[response_id, platform]]]
                    del pending[response_id, platform]
                else:
                    review_requests.release(session, response_id, platform)
                    del pending[response_id, platform]
        session.rollback()
    ledger.ledger.close()
    assert len({(subject, platform) for subject, platform, _ in sent}) == len(sent)
