"""The pause marker: a file that stops the customer mail of this host until a process turns it into a pause."""

import getpass
import os
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.services.operations.database_identity import write_raised_identity
from nps_connect.services.operations.operator_pauses import MARKER_REASON, set_paused
from nps_connect.worker.heartbeat import Heartbeat


@pytest.fixture
def application(ledger, clock, tmp_path):
    """An application whose survey mail to Marie is due."""
    harness = ApplicationHarness(ledger, clock, {"core": {"state_dir": str(tmp_path / "state")}})
    write_raised_identity(ledger, harness.ctx.state_dir)
    harness.crm.knows("1", "marie@example.com")
    harness.webhook(harness.won("1"))
    harness.run()
    clock.forward("3d")
    return harness


def set_marker(application):
    application.ctx.state_dir.set_pause_marker()
    moment = application.clock().timestamp()
    os.utime(application.ctx.state_dir.pause_marker_file, (moment, moment))


def load_pause(application):
    with application.ledger.read() as session:
        return pauses.load_pauses(session).get("mail")


def audited(application):
    with application.ledger.read() as session:
        return [(row.actor_name, row.command, row.reason) for row in session.execute(select(AuditRow)).scalars()]


def test_while_the_marker_exists_no_customer_mail_starts_and_everything_else_continues(application):
    answered = application.surveyed("2", "paul@example.com")
    application.crm.knows("3", "zoe@example.com")
    application.webhook(application.won("3"))
    application.run()
    set_marker(application)
    application.clock.forward("3d")
    application.answer(answered, 0)
    application.run()
    assert {mail.to.email for mail in application.post.items} == {"marie@example.com", "paul@example.com"}
    assert application.states()["open_ticket"] == "succeeded"
    application.ctx.state_dir.delete_pause_marker()
    application.run()
    assert application.post.items[-1].to.email == "zoe@example.com"


def test_a_heartbeat_turns_the_marker_into_a_pause_of_the_user_who_set_it(application):
    set_marker(application)
    set_at = application.clock()
    application.clock.forward("1h")
    Heartbeat(application.ctx, "serve").run_once()
    pause = load_pause(application)
    assert (pause.cause, pause.reason, pause.since) == ("operator", MARKER_REASON, set_at)
    assert application.ctx.state_dir.read_pause_marker() is None
    assert application.ctx.state_dir.read_pauses() == {"mail": MARKER_REASON}  # a restore keeps it
    assert audited(application) == [(getpass.getuser(), "pause", MARKER_REASON)]
    application.run()
    assert application.post.items == []


def test_a_marker_of_a_wrong_clock_is_dated_now(application):
    set_marker(application)
    application.clock.now -= timedelta(days=1)
    Heartbeat(application.ctx, "run").run_once()
    assert load_pause(application).since == application.clock()


def test_a_marker_beside_a_pause_keeps_the_pause_and_its_reason(application):
    context = application.ctx
    set_paused(application.ledger, context.state_dir, "mail", "wrong logo", Actor("cli", "zoe"), application.clock())
    set_marker(application)
    Heartbeat(context, "run").run_once()
    assert load_pause(application).reason == "wrong logo"
    assert context.state_dir.read_pause_marker() is None
