"""(d) Latency from the customer's submission to the vendor, in an idle product of real processes.

It is measured from sending the form until the vendor's server has read the request line and headers of the call with
the score: page, commit, wake-up, claim and start are included, the vendor's own time is not. The submission is final,
so that no delivery waits for a comment.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import insert

from benchmarks._fixtures import databases
from benchmarks._processes import SIGNING_KEY, ScoreVendor, run_processes, write_configuration
from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import ContactRow, InvitationRow
from nps_connect.services.links import Links

ANSWERS, WARM = 40, 5
TIMEOUT_SECONDS = 10.0


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Measure embedded (one process) and PostgreSQL (`serve` and `worker`, with wake-ups by procrastinate)."""
    with databases() as urls, ScoreVendor() as vendor, tempfile.TemporaryDirectory() as folder:
        for name, commands, goal in (
            ("SQLite", ("run",), 25),
            ("PostgreSQL", ("serve", "worker"), 50),
        ):
            place = Path(folder, name)
            place.mkdir()
            tokens = _insert_invitations(urls[name])
            config, port = write_configuration(place, vendor.url)
            with run_processes(config, urls[name], *commands):
                time.sleep(3)
                waits = [_measure_submission(f"http://127.0.0.1:{port}/s/{token}", vendor) for token in tokens][WARM:]
            middle = median(waits) * 1000
            reached = "reached" if middle < goal else "missed"
            details = f"median {middle:.0f} ms, quickest {min(waits) * 1000:.0f}, slowest {max(waits) * 1000:.0f}"
            yield (
                f"{name}: {' and '.join(commands)}, from Send to the vendor",
                len(waits),
                sum(waits),
                f"{details}; goal median under {goal} ms {reached}",
            )


def _measure_submission(page: str, vendor: ScoreVendor) -> float:
    time.sleep(0.3)
    before = len(vendor.calls)
    with httpx.Client() as browser:
        browser.get(page)
        pressed = time.monotonic()
        answer = browser.post(page, data={"send": "3", "comment": "Late.", "lang": "en"})
        if answer.status_code != 303:
            raise RuntimeError(f"the page answered {answer.status_code}")
    until = pressed + TIMEOUT_SECONDS
    while len(vendor.calls) == before:
        if time.monotonic() > until:
            raise RuntimeError("the score never came")
        time.sleep(0.001)
    return vendor.calls[before][0] - pressed


def _insert_invitations(url: str) -> list[str]:
    """Insert contacts with sent invitations; returns the tokens of their links."""
    ledger, now = Ledger(url, create=True), system_clock()
    create(ledger)
    numbers = range(1, ANSWERS + WARM + 1)
    with ledger.write() as session:
        session.execute(insert(ContactRow), [_contact(number, now) for number in numbers])
        session.execute(insert(InvitationRow), [_invitation(number, now) for number in numbers])
    ledger.close()
    links = Links("http://127.0.0.1", [SIGNING_KEY])
    return [links.survey(f"{number:032x}") for number in numbers]


def _contact(number: int, _now) -> dict[str, object]:
    email = f"person{number}@example.com"
    record = {"connection": "crm", "id": str(number), "email": email}
    ids = {"id": number, "vendor_id": str(number), "connection": "crm"}
    return {**ids, "email": email, "record": record, "opted_out": False}


def _invitation(number: int, now) -> dict[str, object]:
    details = {"survey": "after-purchase", "touchpoint": "purchase", "trigger": "benchmark", "language": "en"}
    moments = {"created_at": now, "due_at": now, "sent_at": now, "expires_at": now + timedelta(days=60)}
    return {"id": number, "public_id": f"{number:032x}", **details, "contact_id": number, "state": "sent", **moments}
