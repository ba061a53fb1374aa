"""The demo, from the first file to the last figure."""

from __future__ import annotations

import os
import secrets
import socket
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from nps_connect.plugins import Plugins
from nps_connect.records.responses import SEGMENTS
from nps_connect.sandbox import scanner
from nps_connect.sandbox.balance import imbalances
from nps_connect.sandbox.figures import Figures, Told, look_around
from nps_connect.sandbox.haste import hasty_overrides
from nps_connect.sandbox.installed import installed_sandbox
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.observed import Observer
from nps_connect.sandbox.play import Play, Record, Teller
from nps_connect.sandbox.population import Customer, make_population
from nps_connect.sandbox.roles import Roles, find_roles
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.stage import Stage, StageFailure

PAGE_SECONDS = 30.0
EVERYTHING = 1_000_000


@dataclass(frozen=True)
class Script:
    """What the demo is started with.

    Attributes:
        text: the configuration, as `init` composes it.
        connections: names of its connections by plugin.
        placeholders: a value for every variable that it refers to.
        signing_key: name of the variable that holds the signing key.
        people: how many customers.
        seed: of everything that is left to chance.
    """

    text: str
    connections: Mapping[str, str]
    placeholders: Mapping[str, str]
    signing_key: str
    people: int
    seed: int


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        figures: the numbers.
        problems: what does not balance, one sentence each; empty if all is well.
    """

    figures: Figures
    problems: list[str]


@dataclass
class Demo:
    """Everything that runs while the demo does.

    Attributes:
        script: what it was started with.
        folder: where the product lives.
        public_url: the product's address.
        sandbox: the simulated vendors and the mailbox.
        roles: who plays what.
        stage: the product.
        began: when it started, on the monotonic clock.
    """

    script: Script
    folder: Path
    public_url: str
    sandbox: Sandbox
    roles: Roles
    stage: Stage
    began: float
    left_out: dict[str, str]

    def perform(self, tell: Teller) -> Outcome:
        """Play, then count.

        Raises:
            StageFailure: nothing can happen with the installed plugins, or the product does not do what it should.
            NpsConnectError: the configuration or a simulated vendor refuses.
        """
        if not self.roles.sources:
            raise StageFailure(
                "the demo needs an installed plugin that sends the events of a trigger, and its simulated vendor; "
                "see: nps-connect plugins list"
            )
        customers = make_population(self.script.people, self.script.seed)
        tell("setting up", 0, 3)
        self.sandbox.populate([one.person for one in customers])
        database_url = self.stage.create_database()
        tell("setting up", 1, 3)
        self.stage.start()
        self.stage.set_up_vendors()
        tell("setting up", 2, 3)
        self.stage.wait_until_ready(self.public_url)
        tell("setting up", 3, 3)
        observer = Observer(database_url)
        try:
            with httpx.Client(trust_env=False, timeout=PAGE_SECONDS) as client:
                play = Play(
                    self.sandbox,
                    self.roles,
                    customers,
                    public_url=self.public_url,
                    observer=observer,
                    client=client,
                    tell=tell,
                )
                record = play.perform()
                return self._count(customers, record, observer, client)
        finally:
            observer.close()

    def _count(
        self, customers: tuple[Customer, ...], record: Record, observer: Observer, client: httpx.Client
    ) -> Outcome:
        seen = look_around(self.sandbox, self.roles, customers, record, self.public_url)
        told = self._told(observer)
        figures = Figures(customers, record, told, seen, time.monotonic() - self.began)

        def destination(mail: ReceivedMail) -> str | None:
            links = mail.links_to(f"{self.public_url}/r/")
            return client.get(links[0]).headers.get("location") if links else None

        complaints = [f"the product complained: {line}" for line in self.stage.complaints()]
        return Outcome(figures, imbalances(figures, self.roles, self.public_url, destination) + complaints)

    def _told(self, observer: Observer) -> Told:
        with ThreadPoolExecutor(2) as hands:
            deliveries = hands.submit(self.stage.ask, "deliveries", "list", "--limit", str(EVERYTHING))
            report = hands.submit(self.stage.ask, "report")
            states = Counter(one["state"] for one in deliveries.result())
            told = report.result()
        return Told(
            responses={segment: told[f"{segment}s"] for segment in SEGMENTS},
            nps={"score": told["score"], "margin": told["margin"], "responses": told["responses"]},
            deliveries=dict(states),
            duplicates=observer.duplicates(),
            scanner_visits=observer.visits(scanner.AGENT),
        )


@contextmanager
def open_demo(script: Script, plugins: Plugins, folder: Path) -> Iterator[Demo]:
    """Put the demo together in a folder; whatever runs is stopped at the end.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """
    began = time.monotonic()
    table: dict[str, Any] = tomllib.loads(script.text)
    public_url = f"http://127.0.0.1:{free_port()}"
    sandbox, loaded = installed_sandbox(script.connections)
    with ExitStack() as running:
        running.enter_context(sandbox)
        variables = {
            **script.placeholders,
            script.signing_key: secrets.token_urlsafe(32),
            **sandbox.environment(),
            **hasty_overrides(table, public_url),
        }
        stage = Stage(folder, script.text, variables, os.environ)
        running.callback(stage.stop)
        roles = find_roles(table, plugins.infos, loaded.vendors)
        yield Demo(script, folder, public_url, sandbox, roles, stage, began, loaded.problems)


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
