"""`run` is killed with SIGKILL in the middle of its work, again and again: nothing is lost, nothing happens twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from support import torture

from nps_connect.cli.demo import _script
from nps_connect.plugins import Plugins
from nps_connect.sandbox.customers import Browser, PersonalLinks, answer_mail
from nps_connect.sandbox.demo import Demo, open_demo
from nps_connect.sandbox.observed import Observer
from nps_connect.sandbox.population import Customer, make_population
from nps_connect.sandbox.stage import StageFailure
from nps_connect.sandbox.webhooks import deliver

PEOPLE = 48
KILLS = torture.kills(6)
PATIENCE = 90.0


class Killer(threading.Thread):
    """Kills the product and starts it again, at moments left to chance, until told to stop."""

    def __init__(self, demo: Demo, seed: int) -> None:
        super().__init__(daemon=True)
        self._demo, self._chance = demo, random.Random(seed)
        self._enough = threading.Event()
        self.kills = 0

    def run(self) -> None:
        while not self._enough.wait(self._chance.uniform(0.15, 1.2)) and self.kills < KILLS:
            process = self._demo.stage._process
            process.kill()
            process.wait()
            self.kills += 1
            self._start()

    def _start(self) -> None:
        """On a busy machine a start may take longer than the stage waits; then it is started again."""
        for _ in range(3):
            self._demo.stage.start()
            try:
                return self._demo.stage.wait_until_ready(self._demo.public_url)
            except StageFailure:
                if self._enough.is_set():
                    return None
        raise AssertionError("run does not start any more")

    def stop(self) -> None:
        self._enough.set()
        self.join(120)


def insisting(act: Callable[[], object]) -> object:
    """Vendors and people try again while nobody answers."""
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
        time.sleep(0.1)
    return observer.unfinished() == 0


def things_happen(demo: Demo, customers: list[Customer], client: httpx.Client) -> None:
    source = demo.roles.sources[0]
    vendor = demo.sandbox.vendors[source.plugin]
    url = f"{demo.public_url}/hooks/{source.connection}"
    for begin in range(0, len(customers), 5):
        facts = [fact for one in customers[begin : begin + 5] for fact in vendor.happen(source.kind, one.email)]

        def send(facts: list[str] = facts) -> None:
            for webhook in vendor.webhooks(facts, url):
                if deliver(webhook, url, client) != 200:
                    raise httpx.RemoteProtocolError("refused")

        insisting(send)
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [torture.seed(11)])
def test_killed_at_any_moment_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path, seed: int):
    plugins = Plugins.load()
    with open_demo(_script(plugins, PEOPLE, seed), plugins, tmp_path) as demo, httpx.Client(trust_env=False) as client:
        customers = [one for one in make_population(PEOPLE, seed) if one.part.opted_out is None]
        demo.sandbox.populate([one.person for one in customers])
        observer = Observer(demo.stage.create_database())
        demo.stage.set_up_vendors()
        demo.stage.start()
        demo.stage.wait_until_ready(demo.public_url)
        mailbox, links = demo.sandbox.mailbox, PersonalLinks(demo.public_url)

        killer = Killer(demo, seed)
        killer.start()
        things_happen(demo, customers, client)
        assert rest(observer)
        killer.stop()
        held = {row["id"]: row for row in demo.stage.ask("deliveries", "list", "--state", "held", "--limit", "1000")}
        surveys = Counter(to for mail in mailbox.mails() for to in mail.to)
        assert set(surveys.values()) <= {1}, "nobody gets a second mail"
        missing = {one.email for one in customers} - set(surveys)
        assert len(missing) <= len(held) <= killer.kills * 4, "who got no mail is held and listed"

        again = Killer(demo, seed + 1)
        again.start()
        answering = [one for one in customers if one.email in surveys and one.part.score is not None]
        for one in answering:
            mail = mailbox.mails(one.email)[0]
            insisting(lambda one=one, mail=mail: answer_mail(one, mail, links, Browser(client)))
        time.sleep(0.5)
        again.stop()
        assert rest(observer)

        seen = {name: vendor.effects() for name, vendor in demo.sandbox.vendors.items()}
        scores = seen[demo.roles.scores].scores
        assert {one.email: scores.get(one.email) for one in answering} == {
            one.email: one.part.score for one in answering
        }
        tickets = seen[demo.roles.tickets].tickets
        detractors = {one.email for one in answering if one.segment == "detractor"}
        assert {email: len(ids) for email, ids in tickets.items() if ids} == dict.fromkeys(detractors, 1)
        assert max(Counter(to for mail in mailbox.mails() for to in mail.to).values()) <= 2
        states = Counter(row["state"] for row in demo.stage.ask("deliveries", "list", "--limit", "10000"))
        assert states["dead"] == 0
        assert killer.kills + again.kills >= 4
        observer.close()
        torture.report(
            database="SQLite", seed=seed, kills=killer.kills + again.kills, people=len(customers), mails=len(surveys),
            held=len(held), answers=len(answering), tickets=len(detractors),
        )  # fmt: skip
