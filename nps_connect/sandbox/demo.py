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
from nps_connect.sandbox.capabilities import DemoCapabilities, detect_capabilities
from nps_connect.sandbox.demo_overrides import build_demo_overrides
from nps_connect.sandbox.factory import build_sandbox
from nps_connect.sandbox.ledger_observer import LedgerObserver
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer, build_population
from nps_connect.sandbox.product_process import DemoFailed, ProductProcess
from nps_connect.sandbox.results import DemoMetrics, ProductReport, observe_effects
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.scenario import ProgressCallback, Scenario, ScenarioLog
from nps_connect.sandbox.verify import find_mismatches

PAGE_TIMEOUT_SECONDS = 30.0
LIST_LIMIT = 1_000_000


@dataclass(frozen=True)
class DemoConfig:
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
class DemoResult:
    """What came of it.

    Attributes:
        figures: the numbers.
        problems: what does not balance, one sentence each; empty if all is well.
    """

    metrics: DemoMetrics
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

    script: DemoConfig
    folder: Path
    public_url: str
    sandbox: Sandbox
    capabilities: DemoCapabilities
    product: ProductProcess
    started_at: float
    left_out: dict[str, str]

    def run(self, tell: ProgressCallback) -> DemoResult:
        """Play, then count.

        Raises:
            StageFailure: nothing can happen with the installed plugins, or the product does not do what it should.
            NpsConnectError: the configuration or a simulated vendor refuses.
        """
        if not self.capabilities.sources:
            raise DemoFailed(
                "the demo needs an installed plugin that sends the events of a trigger, and its simulated vendor; "
                "see: nps-connect plugins list"
            )
        customers = build_population(self.script.people, self.script.seed)
        tell("setting up", 0, 3)
        self.sandbox.populate([one.person for one in customers])
        database_url = self.product.create_database()
        tell("setting up", 1, 3)
        self.product.start()
        self.product.set_up_vendors()
        tell("setting up", 2, 3)
        self.product.wait_until_ready(self.public_url)
        tell("setting up", 3, 3)
        observer = LedgerObserver(database_url)
        try:
            with httpx.Client(trust_env=False, timeout=PAGE_TIMEOUT_SECONDS) as client:
                play = Scenario(
                    self.sandbox,
                    self.capabilities,
                    customers,
                    public_url=self.public_url,
                    observer=observer,
                    client=client,
                    tell=tell,
                )
                record = play.run()
                return self._count(customers, record, observer, client)
        finally:
            observer.close()

    def _count(
        self, customers: tuple[Customer, ...], record: ScenarioLog, observer: LedgerObserver, client: httpx.Client
    ) -> DemoResult:
        seen = observe_effects(self.sandbox, self.capabilities, customers, record, self.public_url)
        told = self._told(observer)
        figures = DemoMetrics(customers, record, told, seen, time.monotonic() - self.started_at)

        def destination(mail: ReceivedMail) -> str | None:
            links = mail.links_to(f"{self.public_url}/r/")
            return client.get(links[0]).headers.get("location") if links else None

        complaints = [f"the product complained: {line}" for line in self.product.complaints()]
        return DemoResult(
            figures, find_mismatches(figures, self.capabilities, self.public_url, destination) + complaints
        )

    def _told(self, observer: LedgerObserver) -> ProductReport:
        with ThreadPoolExecutor(2) as hands:
            deliveries = hands.submit(self.product.ask, "deliveries", "list", "--limit", str(LIST_LIMIT))
            report = hands.submit(self.product.ask, "report")
            states = Counter(one["state"] for one in deliveries.result())
            told = report.result()
        return ProductReport(
            responses={segment: told[f"{segment}s"] for segment in SEGMENTS},
            nps={"score": told["score"], "margin": told["margin"], "responses": told["responses"]},
            deliveries=dict(states),
            duplicates=observer.duplicates(),
            scanner_visits=observer.visits(scanner.USER_AGENT),
        )


@contextmanager
def open_demo(script: DemoConfig, plugins: Plugins, folder: Path) -> Iterator[Demo]:
    """Put the demo together in a folder; whatever runs is stopped at the end.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """
    began = time.monotonic()
    table: dict[str, Any] = tomllib.loads(script.text)
    public_url = f"http://127.0.0.1:{find_free_port()}"
    sandbox, loaded = build_sandbox(script.connections)
    with ExitStack() as running:
        running.enter_context(sandbox)
        variables = {
            **script.placeholders,
            script.signing_key: secrets.token_urlsafe(32),
            **sandbox.environment(),
            **build_demo_overrides(table, public_url),
        }
        stage = ProductProcess(folder, script.text, variables, os.environ)
        running.callback(stage.stop)
        roles = detect_capabilities(table, plugins.infos, loaded.vendors)
        yield Demo(script, folder, public_url, sandbox, roles, stage, began, loaded.problems)


def find_free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
