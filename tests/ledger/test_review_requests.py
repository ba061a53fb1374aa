"""Nobody is asked twice for one platform, under any order of answers, sendings and cancellations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, delete
from support.hypothesis_settings import ledger_settings

from nps_connect.ledger import review_requests
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.review_tables import ReviewRequestRow
from nps_connect.ledger.schema import upgrade

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
COOLDOWN = timedelta(days=180)
SUBJECTS = {1: ["c:1", "m:x"], 2: ["c:2", "m:x"], 3: ["c:3", "m:y"]}

steps = st.lists(
    st.tuples(
        st.sampled_from(["answer", "send", "cancel"]),
        st.integers(1, 8),
        st.sampled_from(list(SUBJECTS)),
        st.sampled_from(["stars", "other"]),
        st.integers(0, 400),
    ),
    max_size=25,
)


class _Book:
    """A ledger whose answers need not exist."""

    def __init__(self, folder):
        self.ledger = Ledger(f"sqlite:///{folder / 'asks.db'}")
        upgrade(self.ledger)

    def session(self) -> Session:
        session = Session(self.ledger.engine)
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        return session


@ledger_settings(60)
@given(steps=steps)
def test_under_any_order_each_mailbox_is_sent_one_invitation_per_platform(tmp_path_factory, steps):
    book = _Book(tmp_path_factory.mktemp("asks"))
    sent: list[tuple[str, str, datetime]] = []
    held: dict[tuple[int, str], int] = {}
    now = NOW
    with book.session() as session:
        session.execute(delete(ReviewRequestRow))
        for what, answer, person, platform, days in steps:
            now += timedelta(days=days % 90)
            response_id = answer * 10 + person
            if what == "answer":
                nested = session.begin_nested()
                wanted = review_requests.build_reservations(
                    SUBJECTS[person], platform, response_id=response_id, until=now + COOLDOWN
                )
                if review_requests.reserve(session, wanted, now=now):
                    nested.commit()
                    held.setdefault((response_id, platform), person)
                else:
                    nested.rollback()
            elif (response_id, platform) in held:
                if what == "send":
                    review_requests.confirm(session, response_id, platform, until=now + COOLDOWN)
                    sent += [(subject, platform, now) for subject in SUBJECTS[held[response_id, platform]]]
                    del held[response_id, platform]
                else:
                    review_requests.release(session, response_id, platform)
                    del held[response_id, platform]
        session.rollback()
    book.ledger.close()
    assert len({(subject, platform) for subject, platform, _ in sent}) == len(sent)
