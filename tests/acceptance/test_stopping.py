"""SIGTERM ends `run` in good order: what runs is finished or given back, and the next start goes on."""

from __future__ import annotations

import signal
import time

import httpx
import pytest
from sqlalchemy import select

from nps_connect.cli.demo import _script
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.plugins import Plugins
from nps_connect.sandbox.demo import open_demo
from nps_connect.sandbox.observed import Observer
from nps_connect.sandbox.population import make_population
from nps_connect.sandbox.webhooks import deliver


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_sigterm_leaves_nothing_running_and_the_next_start_goes_on(tmp_path):
    plugins = Plugins.load()
    with open_demo(_script(plugins, 24, 3), plugins, tmp_path) as demo, httpx.Client(trust_env=False) as client:
        customers = [one for one in make_population(24, 3) if one.part.opted_out is None]
        demo.sandbox.populate([one.person for one in customers])
        database = demo.stage.create_database()
        demo.stage.set_up_vendors()
        demo.stage.start()
        demo.stage.wait_until_ready(demo.public_url)
        source = demo.roles.sources[0]
        vendor = demo.sandbox.vendors[source.plugin]
        facts = [fact for one in customers for fact in vendor.happen(source.kind, one.email)]
        url = f"{demo.public_url}/hooks/{source.connection}"
        assert {deliver(webhook, url, client) for webhook in vendor.webhooks(facts, url)} == {200}
        assert demo.sandbox.mailbox.wait_until(bool, 60), "mail has begun to go out"

        process = demo.stage._process
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        ledger = Ledger(database)
        with ledger.read() as session:
            states = session.execute(select(DeliveryRow.state)).scalars().all()
        ledger.close()
        assert set(states) <= {"succeeded", "pending", "cancelled"}

        demo.stage.start()
        demo.stage.wait_until_ready(demo.public_url)
        observer = Observer(database)
        deadline = time.monotonic() + 60
        while observer.unfinished() and time.monotonic() < deadline:
            time.sleep(0.1)
        observer.close()
        received = [to for mail in demo.sandbox.mailbox.mails() for to in mail.to]
        assert sorted(received) == sorted(one.email for one in customers)
