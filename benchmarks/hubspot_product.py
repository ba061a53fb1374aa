"""Scores through the whole product: 10,000 due deliveries, the engine, and a portal in another process that enforces
190 calls in ten seconds of wall-clock time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

import nps_connect_hubspot as plugin
from nps_connect.app.application import Application, build_application
from nps_connect.app.validation import validate
from nps_connect.builtin import email
from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.plugins import Plugins
from nps_connect.records.contacts import Contact
from nps_connect.services.operations.connection_setup import apply_all_setups
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.vendor import TOKEN

SCORES = 10_000
QUOTA = 190
TIMEOUT_SECONDS = 15.0
FIRST_ID = 101
"""Of the portal's contacts."""


def measure() -> Iterator[tuple[str, int, float]]:
    """Return scores per second of wall-clock time, and per second of our own CPU time."""
    portal = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.hubspot_product"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with tempfile.TemporaryDirectory() as folder, portal:
        url = portal.stdout.readline().strip()
        application = _application(f"sqlite:///{Path(folder) / 'bench.db'}", url)
        apply_all_setups(application.ctx)
        _insert_responses(application.ctx.ledger)
        time.sleep(10)  # the quota window of the portal no longer contains the setup
        engine = application.create_engine()
        began, working = time.perf_counter(), time.process_time()
        engine.start()
        while (left := _count_pending(application.ctx.ledger)) and time.perf_counter() - began < TIMEOUT_SECONDS:
            time.sleep(0.1)
        elapsed, worked = time.perf_counter() - began, time.process_time() - working
        engine.stop()
        application.close()
        refused = portal.communicate("\n")[0].strip()
    done = SCORES - left
    speed = done / elapsed / (QUOTA / 10 * 100)
    yield f"scores from ledger to portal, {speed:.1%} of the quota, {refused} refused", done, elapsed
    yield f"our CPU time for them: {worked / elapsed:.0%} of one core", done, worked


def _application(url: str, base_url: str) -> Application:
    plugins = Plugins()
    plugins.register(plugin, "hubspot")
    plugins.register(email, "email")
    crm = {
        "plugin": "hubspot",
        "base_url": f"{base_url}/hubspot",
        "access_token": ReferencedText(TOKEN, "benchmark"),
        "calls_per_ten_seconds": QUOTA,
    }
    mail = {
        "plugin": "email",
        "smtp_url": ReferencedText("smtp://127.0.0.1:1", "benchmark"),
        "sender": "Exemple SA <care@example.com>",
        "reply_to": "care@example.com",
    }
    settings = Settings.model_validate(
        {
            "core": {
                "public_url": "https://nps.example.com",
                "company": "Exemple SA",
                "languages": ["fr"],
                "timezone": "Europe/Paris",
                "signing_keys": [ReferencedText("a-signing-key-for-a-benchmark-only", "benchmark")],
                "fallback_email": "care@example.com",
                "privacy_notice_url": "https://www.example.com/privacy",
                "mode": "live",
            },
            "connections": {"crm": crm, "mail": mail},
            "surveys": {"after-purchase": {"channel": "mail"}},
            "routes": [{"on": "any", "do": "write_score", "via": "crm"}],
        }
    )
    ledger = Ledger(url, create=True)
    create(ledger)
    return build_application(settings, plugins, validate(settings, plugins), ledger, rng=random.Random(7))


def _insert_responses(ledger: Ledger) -> None:
    """Insert so many confirmed responses whose scores are due now."""
    now = system_clock()
    numbers = range(1, SCORES + 1)
    with ledger.write() as session:
        for table, row in ((ContactRow, _contact), (InvitationRow, _invitation), (ResponseRow, _response)):
            session.execute(insert(table), [row(number, now) for number in numbers])
        session.execute(insert(DeliveryRow), [_delivery(number, now) for number in numbers])


def _contact(number: int, _now) -> dict[str, object]:
    vendor_id, address = str(FIRST_ID + number - 1), f"person{number}@example.com"
    record = Contact(connection="crm", id=vendor_id, email=address).model_dump(mode="json")
    return {
        "id": number,
        "connection": "crm",
        "vendor_id": vendor_id,
        "email": address,
        "record": record,
    }


def _invitation(number: int, now) -> dict[str, object]:
    shared_values = {"survey": "after-purchase", "touchpoint": "purchase", "trigger": "benchmark", "language": "fr"}
    later = now + timedelta(days=60)
    return {
        "id": number,
        "public_id": f"{number:032x}",
        **shared_values,
        "contact_id": number,
        "state": "sent",
        "created_at": now,
        "due_at": now,
        "expires_at": later,
    }


def _response(number: int, now) -> dict[str, object]:
    shared_values = {"survey": "after-purchase", "touchpoint": "purchase", "language": "fr", "comment": "Très bien."}
    ids = {"id": number, "public_id": f"r-{number}", "invitation_id": number, "contact_id": number}
    return {**ids, **shared_values, "revision": 1, "score": number % 11, "answered_at": now}


def _delivery(number: int, now) -> dict[str, object]:
    queue_name = {"queue_name": "crm/write_score", "connection": "crm", "action": "write_score"}
    ids = {"id": number, "key": f"score-{number}", "contact_id": number, "response_id": number, "revision": 1}
    return {**ids, **queue_name, "options": {"comment": "full"}, "due_at": now, "created_at": now}


def _count_pending(ledger: Ledger) -> int:
    open_states = DeliveryRow.state.in_(("pending", "running"))
    with ledger.read() as session:
        return session.execute(select(func.count()).select_from(DeliveryRow).where(open_states)).scalar_one()


def _serve_portal() -> None:
    """Run the portal: print its address, serve until a line arrives, print the number of refused calls."""
    from nps_connect.sandbox.vendor_server import VendorServer

    vendor = Simulated()
    for number in range(1, SCORES + 1):
        vendor.portal.create("contacts", {"email": f"person{number}@example.com"}, vendor.clock())
    host = VendorServer({"hubspot": vendor}, lambda _request: None)
    host.start()
    print(host.url, flush=True)
    sys.stdin.readline()
    host.stop()
    print(vendor.quotas.refused, flush=True)


if __name__ == "__main__":
    _serve_portal()
