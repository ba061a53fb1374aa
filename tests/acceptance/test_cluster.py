"""`serve` and two workers on PostgreSQL: workers are killed, connections cut; nothing is lost, nothing happens twice."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest
from support import torture
from support.postgres import drop_database, fresh_database

from nps_connect.cli.demo import _script
from nps_connect.plugins import Plugins
from nps_connect.sandbox.customers import Browser, PersonalLinks, answer_mail
from nps_connect.sandbox.demo import Demo, open_demo
from nps_connect.sandbox.observed import Observer
from nps_connect.sandbox.population import Customer, make_population
from nps_connect.sandbox.stage import PROGRAM
from nps_connect.sandbox.webhooks import deliver
from nps_connect.settings.loading import environment_path

PEOPLE = 24
KILLS = torture.kills(4)
SEED = torture.seed(5)
PATIENCE = 120.0


class Cluster:
    """One web process and two workers, of which one is killed now and then."""

    def __init__(self, demo: Demo, seed: int) -> None:
        self._demo, self._chance = demo, random.Random(seed)
        self.serve = self._start("serve")
        self.workers = [self._start("worker") for _ in range(2)]
        self.kills = 0
        self._enough = threading.Event()
        self._killer = threading.Thread(target=self._kill, daemon=True)

    def _start(self, command: str) -> subprocess.Popen[bytes]:
        stage = self._demo.stage
        with stage.log.open("ab") as log:
            return subprocess.Popen(
                [*PROGRAM, "--config", str(stage.config), command], env=stage._environ, stdout=log, stderr=log
            )

    def harass(self) -> None:
        self._killer.start()

    def _kill(self) -> None:
        while not self._enough.wait(self._chance.uniform(0.8, 2.0)) and self.kills < KILLS:
            place = self._chance.randrange(2)
            self.workers[place].kill()
            self.workers[place].wait()
            self.kills += 1
            self.workers[place] = self._start("worker")

    def relent(self) -> None:
        self._enough.set()
        self._killer.join(30)

    def close(self) -> None:
        self.relent()
        for process in (self.serve, *self.workers):
            process.terminate()
        for process in (self.serve, *self.workers):
            process.wait(30)


def insisting(act):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def rest(observer: Observer) -> bool:
    deadline = time.monotonic() + PATIENCE
    while observer.unfinished() and time.monotonic() < deadline:
        time.sleep(0.2)
    return observer.unfinished() == 0


def things_happen(demo: Demo, customers: list[Customer], client: httpx.Client) -> None:
    source = demo.roles.sources[0]
    vendor, url = demo.sandbox.vendors[source.plugin], f"{demo.public_url}/hooks/{source.connection}"
    for begin in range(0, len(customers), 6):
        facts = [fact for one in customers[begin : begin + 6] for fact in vendor.happen(source.kind, one.email)]

        def send(facts: list[str] = facts) -> None:
            for webhook in vendor.webhooks(facts, url):
                if deliver(webhook, url, client) != 200:
                    raise httpx.RemoteProtocolError("refused")

        insisting(send)
        insisting(send)  # vendors send twice


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(400)
def test_killed_workers_and_cut_connections_lose_nothing_and_double_nothing(tmp_path: Path, postgres: str):
    plugins, url = Plugins.load(), fresh_database(postgres)
    with open_demo(_script(plugins, PEOPLE, SEED), plugins, tmp_path) as demo, httpx.Client(trust_env=False) as client:
        secrets = environment_path(demo.stage.config)
        kept = [line for line in secrets.read_text().splitlines() if "DATABASE_URL" not in line]
        secrets.write_text("\n".join([*kept, f"NPS_CONNECT_CORE__DATABASE_URL='{url}'", ""]))
        customers = [one for one in make_population(PEOPLE, SEED) if one.part.opted_out is None]
        demo.sandbox.populate([one.person for one in customers])
        demo.stage.create_database()
        demo.stage.set_up_vendors()
        observer, cluster = Observer(url), Cluster(demo, SEED)
        try:
            insisting(lambda: client.get(f"{demo.public_url}/healthz").raise_for_status())
            assert {row["role"] for row in demo.stage.ask("workers", "list")} >= {"serve"}
            cluster.harass()
            things_happen(demo, customers, client)
            with psycopg.connect(url, autocommit=True) as link:
                link.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            assert rest(observer)
            links, mailbox = PersonalLinks(demo.public_url), demo.sandbox.mailbox
            surveys = Counter(to for mail in mailbox.mails() for to in mail.to)
            assert set(surveys.values()) <= {1}, "nobody gets a second mail"
            held = demo.stage.ask("deliveries", "list", "--state", "held", "--limit", "1000")
            missing = {one.email for one in customers} - set(surveys)
            assert len(missing) <= len(held) <= 8 * (cluster.kills + 1), "who got no mail is held and listed"
            answering = [one for one in customers if one.email in surveys and one.part.score is not None]
            for one in answering:
                mail = mailbox.mails(one.email)[0]
                insisting(lambda one=one, mail=mail: answer_mail(one, mail, links, Browser(client)))
            while cluster.kills < KILLS:
                time.sleep(0.2)
            cluster.relent()
            assert rest(observer)
            scores = demo.sandbox.vendors[demo.roles.scores].effects().scores
            assert {one.email: scores.get(one.email) for one in answering} == {
                one.email: one.part.score for one in answering
            }
            tickets = demo.sandbox.vendors[demo.roles.tickets].effects().tickets
            detractors = {one.email for one in answering if one.segment == "detractor"}
            assert {email: len(ids) for email, ids in tickets.items() if ids} == dict.fromkeys(detractors, 1)
            torture.report(
                database="PostgreSQL", seed=SEED, kills=cluster.kills, people=len(customers), mails=len(surveys),
                held=len(held), answers=len(answering), tickets=len(detractors),
            )  # fmt: skip
        finally:
            cluster.close()
            observer.close()
    drop_database(postgres, url)
