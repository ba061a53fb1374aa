"""What breaks around the product is named by `status` and `doctor`, each in one sentence with what helps.

The real thing is broken each time: the vendor's simulated account, the mail server, the file, the clock. A taken port is in
`test_run_serve_worker.py`, a full disk in `test_storage_problems.py`, a narrow terminal in `test_terminal_output.py`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col
from support.read_only_folder import read_only
from support.spreadsheet_files import write_csv

from nps_connect.app.application import open_application
from nps_connect.ledger.pauses import FAILURE_THRESHOLD
from nps_connect.ledger.process_lock import lock_file
from nps_connect.ledger.tables import DeliveryRow, EventRow
from nps_connect.sandbox.factory import build_sandbox
from nps_connect.simulation import SimulatedPerson
from nps_connect.worker.heartbeat import Heartbeat
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import build_queues

PLUGINS = "alerts,email,hubspot"
NOBODY = "127.0.0.1:1"
"""An address on which nothing listens."""


@pytest.fixture(autouse=True)
def patient_checks(monkeypatch):
    """A busy machine may take longer than the deadline of an operator."""
    monkeypatch.setattr("nps_connect.services.operations.doctor.CHECK_TIMEOUT", timedelta(minutes=5))


@pytest.fixture
def sandbox():
    sandbox, _ = build_sandbox({"alerts": "team", "hubspot": "crm"})
    with sandbox:
        yield sandbox


@pytest.fixture
def product(cli, sandbox, monkeypatch):
    """Run commands of a product that is connected with simulated vendors."""

    def run(*arguments, **environ):
        return cli(*arguments, plugins=PLUGINS, **{**run.environ, **environ})

    monkeypatch.setenv("NPS_CONNECT_LOAD_PLUGINS", PLUGINS)
    run.folder = cli.folder
    run.database = cli.folder / "nps-connect-sandbox.db"
    run.environ = sandbox.environment()
    run.portal = sandbox.vendors["hubspot"].portal
    sandbox.populate(
        [SimulatedPerson(email=f"{name}@example.com", name=name.title(), language="fr") for name in ("zoe", "ines")]
    )
    assert cli("init", plugins=PLUGINS).code == 0
    assert run("db", "create").code == 0
    return run


def open_product(product, **environ):
    return open_application(product.folder / "nps-connect.toml", {**os.environ, **product.environ, **environ})


def import_detractor(product):
    """Import an unhappy response, which leads to a score for the CRM and an alert to the team."""
    row = ("zoe@example.com", "2", "2026-10-31 09:15")
    path = write_csv(product.folder, "old.csv", ("email", "score", "answered_at"), row)
    result = product("responses", "import", path, "--survey", "after-purchase", "--route", "--yes")
    assert result.code == 0, result.err


def work(product, attempts=1, **environ):
    """Do what a worker does with everything that waits, without its threads, as often as retries would do it."""
    application = open_product(product, **environ)
    jobs = build_jobs(application.ctx)
    sync_job_rows(application.ctx, jobs)
    for _ in range(attempts):
        for queue in build_queues(application.ctx, jobs):
            if not queue.name.endswith(("jobs", "/poll")):
                queue.drain(lambda: False)
        with application.ctx.ledger.write() as session:
            waits = (col(DeliveryRow.state) == "pending") & (col(DeliveryRow.attempts) > 0)
            session.execute(update(DeliveryRow).where(waits).values(due_at=application.ctx.clock()))
    application.close()


def findings(product, command, **environ):
    """Return what `status` or `doctor` reports, by id and subject."""
    result = product(command, "--json", **environ)
    assert result.code == 1, result.err
    rows = [row for row in json.loads(result.out)["findings"] if row["severity"] != "ok"]
    return {(row["id"], row["subject"]): row["text"] for row in rows}


def doctor_findings(product, **environ):
    """Return all findings of `doctor`."""
    return json.loads(product("doctor", "--json", **environ).out)["findings"]


def invite(product):
    """Invite a customer, whose mail is due now."""
    path = write_csv(product.folder, "people.csv", ("email",), ("ines@example.com",))
    result = product("surveys", "invite", path, "--survey", "after-purchase", "--yes")
    assert result.code == 0, result.err


def break_token(product):
    import_detractor(product)
    return {"HUBSPOT_TOKEN": "another-token"}


def break_scope(product):
    import_detractor(product)
    product.portal.scopes.clear()
    return {}


def break_vendor(product):
    import_detractor(product)
    return {"NPS_CONNECT_CONNECTIONS__CRM__BASE_URL": f"http://{NOBODY}"}


def break_alert_address(product):
    import_detractor(product)
    return {"ALERT_URL": f"json://{NOBODY}"}


def break_mail_server(product):
    invite(product)
    return {"SMTP_URL": f"smtp://{NOBODY}"}


@pytest.mark.parametrize(
    ("break_it", "kind", "in_status", "in_doctor"),
    [
        (break_token, ("credentials-refused", "crm"), "(auth): HubSpot refuses the access token: it is", "refuses the access token"),
        (break_scope, ("scope-missing", "crm"), "(not_allowed): the HubSpot access token lacks the scope", "lacks the scope crm."),
        (break_vendor, ("circuit-open", "crm"), f"the last: HubSpot at {NOBODY} cannot be reached", f"HubSpot at {NOBODY} cannot be reached"),
        (break_alert_address, ("circuit-open", "team"), "the last: 1 of 1 addresses did not accept the alert", "did not accept"),
        (break_mail_server, ("circuit-open", "mail"), f"the last: the mail server {NOBODY} cannot be used (CONNECT: connection refused)", f"the mail server {NOBODY} cannot be used"),
    ],
)  # fmt: skip
def test_a_vendor_that_refuses_or_is_down(product, break_it, kind, in_status, in_doctor):
    environ = break_it(product)
    work(product, attempts=FAILURE_THRESHOLD, **environ)
    reported = findings(product, "status", **environ)
    assert in_status in reported[kind]
    errors = [
        row for row in doctor_findings(product, **environ) if (row["subject"], row["severity"]) == (kind[1], "error")
    ]
    assert in_doctor in errors[0]["text"]
    assert len(errors) == 1 or break_it is break_scope, errors  # one cause is one error, and each scope is one
    assert not errors[0]["fix"].startswith("nps-connect connections check")  # it shows the same


def test_a_mail_server_that_refuses_for_now(product, busy_mail_server):
    invite(product)
    environ = {"SMTP_URL": f"smtp://{busy_mail_server}"}
    work(product, attempts=FAILURE_THRESHOLD, **environ)
    sentence = f"the mail server {busy_mail_server} refused the connection (421 4.3.2)"
    assert sentence in findings(product, "status", **environ)["circuit-open", "mail"]
    [error] = [
        row for row in doctor_findings(product, **environ) if (row["subject"], row["severity"]) == ("mail", "error")
    ]
    assert (error["id"], sentence in error["text"]) == ("smtp-failing", True)
    assert "connections.mail.smtp_url (environment variable SMTP_URL)" in error["fix"]


def test_a_connection_that_fell_silent(product):
    """It used to send an event every twenty minutes at this time of the week."""
    application = open_product(product)
    last = application.ctx.clock() - timedelta(hours=3)
    habit = [last + timedelta(minutes=20 * number, weeks=-week) for week in range(1, 6) for number in range(9)]
    with application.ctx.ledger.write() as session:
        for number, moment in enumerate([last, *habit]):
            names = {"queue_name": "crm/decide", "connection": "crm", "key": str(number), "kind": "deal.won"}
            times = {"due_at": moment, "occurred_at": moment, "received_at": moment}
            session.add(EventRow(**names, **times, state="succeeded", object_id="1", source="webhook", record={}))
    application.close()
    for command in ("status", "doctor"):
        text = findings(product, command)["webhook-silence", "crm"]
        assert text.startswith("no event for 3 hours; in the same hours of the weeks before: ")


def remove(product):
    product.database.unlink()


def damage(product):
    product.database.write_bytes(b"no database " * 999)


def change_schema(product):
    with closing(sqlite3.connect(product.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9001'")


@pytest.mark.parametrize(
    ("break_it", "kind", "sentence", "help_text"),
    [
        (remove, "database-missing", "the database file {path} does not exist", "nps-connect db restore FILE"),
        (damage, "database-damaged", "the database is damaged", "nps-connect db restore FILE (see docs/backup.md)"),
        (change_schema, "database-version", "the database has schema 9001, which is newer than this program", "install the newer"),
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_used(product, break_it, kind, sentence, help_text):
    break_it(product)
    assert_named(product, kind, sentence.format(path=product.database), help_text)


def assert_named(product, kind, sentence, help_text, **environ):
    """Both commands have the sentence and what helps, and nothing that looks like a defect."""
    for command in ("status", "doctor"):
        result = product(command, **environ)
        text = " ".join((result.out + result.err).split())
        assert result.code in {1, 2}
        assert sentence in text, (command, text)
        assert help_text in text, (command, text)
        assert "Traceback" not in text
        assert "unexpected" not in text
    assert (kind, "database") in findings(product, "doctor", **environ)


def test_a_locked_database(product):
    with closing(sqlite3.connect(product.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM workers")
        assert_named(product, "storage-failing", "the database is locked by another process", "fuser -v")


def test_a_read_only_database(product):
    with read_only(product.folder, [product.database]) as folder:
        environ = {"NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{folder / product.database.name}"}
        reported = findings(product, "doctor", **environ)
        text = reported["storage-failing", "database"]
        assert text in {"the database file cannot be opened", "the database is read-only for this user"}
        assert product("status", **environ).code == 1


def test_a_missing_secret(product):
    result = product("doctor", HUBSPOT_TOKEN="")
    assert result.code == 2
    assert (
        "connections.crm.access_token: environment variable HUBSPOT_TOKEN is empty; set it before starting"
        in result.err
    )
    assert product("status", HUBSPOT_TOKEN="").err == ""


def test_a_clock_that_is_ahead(product):
    application = open_product(product)
    context = replace(application.ctx, clock=lambda: application.ctx.clock() + timedelta(seconds=45))
    Heartbeat(context, "run").run_once()
    application.close()
    for command in ("status", "doctor"):
        assert "s ahead of this machine" in findings(product, command)["clock-skew", None]


def test_webhooks_that_never_arrive(product):
    for command in ("status", "doctor"):
        assert findings(product, command)["webhook-silence", "crm"] == "no event received yet"


def test_a_second_process_on_the_same_file(product):
    with lock_file(product.database):
        result = product("run")
        assert result.code == 2
        assert f"another process is already using {product.database.name}; stop it first" in result.err


def test_without_a_terminal_a_question_is_a_refusal(product):
    import_detractor(product)
    result = product("deliveries", "cancel", "--all")
    assert (result.code, result.err.splitlines()[-1]) == (
        1,
        "Error: no confirmation given, nothing was changed; pass --yes to skip the prompt",
    )
