"""Dead and held deliveries go on by the operator's word, without doing anything twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nps_connect.errors import Doubtful, Rejected
from nps_connect.flows.delivering.choosing import Choice, choose
from nps_connect.flows.delivering.retry import STOPPED, find_deliveries, retry

COOLDOWN = timedelta(days=90)
ONLY = "only dead and held deliveries are tried again"


@pytest.fixture
def again(house):
    """Retry by action; gives why each was refused, or none."""

    def run(action, **more):
        with house.ledger.write() as session:
            rows = find_deliveries(session, [row.id for row in house.deliveries(action)])
            refused = [retry(session, row, cooldown=COOLDOWN, now=house.clock(), **more).refused for row in rows]
        house.run()
        return refused

    return run


def test_a_dead_ticket_goes_on_with_the_same_bytes_and_fresh_tries(house, again):
    house.desk.raising = [Rejected("the form is closed")]
    house.answer(house.surveyed(), 2)
    house.run()
    assert house.deliveries("open_ticket")[0].state == "dead"
    assert again("open_ticket") == [None]
    [row] = house.deliveries("open_ticket")
    assert (row.state, row.attempts, row.error_kind) == ("succeeded", 0, None)
    first, second = house.desk.items
    assert first == second


def test_mail_that_may_have_been_sent_goes_out_again_by_this_command_only(house, again):
    house.post.raising = [Doubtful("the line broke after the last dot")]
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.run()
    assert house.states() == {"send_survey": "held"}
    house.clock.forward("1d")
    house.run()
    assert len(house.post.calls) == 1
    assert again("send_survey") == ["it may have been sent already; to send it again: --even-if-sent"]
    assert len(house.post.calls) == 1
    assert again("send_survey", even_if_sent=True) == [None]
    assert house.states() == {"send_survey": "succeeded"}
    assert len(house.post.calls) == 2


def test_a_refused_survey_gets_its_invitation_and_its_cooldown_back(house, again):
    house.post.raising = [Rejected("unknown mailbox")]
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.run()
    assert house.states() == {"send_survey": "dead"}
    assert again("send_survey") == [None]
    assert house.answer(house.token("marie@example.com"), 9).state == "answered"
    house.webhook(house.won("1", deal="another"))
    house.run()
    assert len(house.deliveries("send_survey")) == 1


def test_a_refused_survey_stays_so_if_the_person_was_invited_since(house, again):
    house.post.raising = [Rejected("unknown mailbox")]
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.run()
    house.webhook(house.won("1", deal="another"))
    house.run()
    assert again("send_survey") == ["the person was invited to another survey since", f"it is pending; {ONLY}"]


def test_an_expired_survey_stays_so(house, again):
    house.post.raising = [Rejected("unknown mailbox")]
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.run()
    house.clock.forward("61d")
    assert again("send_survey") == ["its survey has expired"]


def test_an_update_waits_for_its_ticket(house, again):
    house.desk.raising = [Rejected("the form is closed")]
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    house.answer(token, 2, "Now with a comment")
    house.run()
    [ticket] = house.deliveries("open_ticket")
    assert again("update_ticket") == [f"it waits for delivery {ticket.id}; retry that one"]
    assert again("open_ticket") == [None]
    assert [row.state for row in house.deliveries("update_ticket")] == ["succeeded"]


def test_what_succeeded_is_not_tried_again(house, again):
    house.surveyed()
    assert again("send_survey") == [f"it is succeeded; {ONLY}"]
    assert len(house.post.calls) == 1


def test_finding_what_is_stopped(house):
    house.desk.raising = [Rejected("closed")]
    house.bell.raising = [Rejected("closed")]
    house.answer(house.surveyed(), 2)
    house.run()
    with house.ledger.write() as session:
        assert {row.action for row in choose(session, Choice(), STOPPED)} == {"open_ticket", "send_alert"}
        assert [row.action for row in choose(session, Choice(connection="team"), STOPPED)] == ["send_alert"]
        assert [row.action for row in choose(session, Choice(action="open_ticket"), STOPPED)] == ["open_ticket"]
        assert choose(session, Choice(connection="team", action="open_ticket"), STOPPED) == []
