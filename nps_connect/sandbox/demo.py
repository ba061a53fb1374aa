"""The demo: the product and the sandbox together, from the configuration to the verified results."""

from __future__ import annotations

import os
import secrets
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
from nps_connect.records.base import SEGMENTS
from nps_connect.sandbox import scanner
from nps_connect.sandbox.capabilities import DemoCapabilities, detect_capabilities
from nps_connect.sandbox.demo_console import DEMO_SETTINGS, ConsoleLogin, set_up_console
from nps_connect.sandbox.factory import build_sandbox
from nps_connect.sandbox.ledger_observer import LedgerObserver
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer, build_population
from nps_connect.sandbox.product_process import DemoFailed, ProductProcess
from nps_connect.sandbox.product_settings import free_product_url, short_delays
from nps_connect.sandbox.results import DemoMetrics, ProductReport, observe_effects
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.scenario import ProgressCallback, Scenario, ScenarioLog
from nps_connect.sandbox.verify import find_mismatches

PAGE_TIMEOUT_SECONDS = 30.0
LIST_LIMIT = 1_000_000

SURVEYS_PER_DAY = 1_000_000


@dataclass(frozen=True)
class DemoConfig:
    """Configuration of a demo.

    Attributes:
        text: the configuration file, as `init` composes it.
        connections: names of its connections by plugin.
        placeholders: a value for every environment variable that it refers to.
        signing_key: name of the variable with the signing key.
        people: number of customers.
        seed: seed of all random choices.
    """

    text: str
    connections: Mapping[str, str]
    placeholders: Mapping[str, str]
    signing_key: str
    people: int
    seed: int


@dataclass
class DemoResult:
    """Result of a demo.

    Attributes:
        metrics: the counted figures.
        problems: mismatches, one sentence each; empty if everything balances.
    """

    metrics: DemoMetrics
    problems: list[str]


@dataclass
class Demo:
    """A demo with everything that runs for it.

    Attributes:
        config: its configuration.
        folder: the product's directory.
        public_url: the product's address.
        sandbox: the simulated vendors and the mailbox.
        capabilities: what the demo can show.
        product: the product's process.
        started_at: start time on the monotonic clock, in seconds.
        unavailable_vendors: why a simulated vendor is not part of it, by name.
    """

    config: DemoConfig
    folder: Path
    public_url: str
    sandbox: Sandbox
    capabilities: DemoCapabilities
    product: ProductProcess
    started_at: float
    unavailable_vendors: dict[str, str]

    def run(self, on_progress: ProgressCallback) -> DemoResult:
        """Run the scenario, then count and verify.

        Raises:
            DemoFailed: the installed plugins send no events, or the product does not do what it should.
            NpsConnectError: the configuration or a simulated vendor refuses.
        """
        if not self.capabilities.sources:
            raise DemoFailed(
                "the demo needs an installed plugin that sends the events of a trigger, and its simulated vendor; "
                "see: nps-connect plugins list"
            )
        customers = build_population(self.config.people, self.config.seed)
        on_progress("setting up", 0, 3)
        self.sandbox.populate([customer.person for customer in customers])
        database_url = self.product.create_database()
        on_progress("setting up", 1, 3)
        self.product.start()
        self.product.set_up_vendors()
        on_progress("setting up", 2, 3)
        self.product.wait_until_ready(self.public_url)
        on_progress("setting up", 3, 3)
        observer = LedgerObserver(database_url)
        try:
            with httpx.Client(trust_env=False, timeout=PAGE_TIMEOUT_SECONDS) as client:
                scenario = Scenario(
                    self.sandbox,
                    self.capabilities,
                    customers,
                    public_url=self.public_url,
                    observer=observer,
                    client=client,
                    on_progress=on_progress,
                )
                log = scenario.run()
                return self._count(customers, log, observer, client)
        finally:
            observer.close()

    def set_up_console(self) -> ConsoleLogin:
        """Store the history of three shops and a user of the console; call it after `run`, whose figures it changes.

        Raises:
            ConfigError: the extra ``console`` is not installed.
        """
        with self.product.open_context() as ctx:
            return set_up_console(ctx, self.public_url)

    def _count(
        self, customers: tuple[Customer, ...], log: ScenarioLog, observer: LedgerObserver, client: httpx.Client
    ) -> DemoResult:
        effects = observe_effects(self.sandbox, self.capabilities, customers, log, self.public_url)
        product_report = self._load_product_report(observer)
        metrics = DemoMetrics(customers, log, product_report, effects, time.monotonic() - self.started_at)

        def destination(mail: ReceivedMail) -> str | None:
            links = mail.links_to(f"{self.public_url}/r/")
            return client.get(links[0]).headers.get("location") if links else None

        problems = find_mismatches(metrics, self.capabilities, self.public_url, destination)
        errors = [f"the product logged an error: {line}" for line in self.product.error_lines()]
        return DemoResult(metrics, problems + errors)

    def _load_product_report(self, observer: LedgerObserver) -> ProductReport:
        with ThreadPoolExecutor(2) as pool:
            deliveries = pool.submit(self.product.run_json, "deliveries", "list", "--limit", str(LIST_LIMIT))
            pending_report = pool.submit(self.product.run_json, "report")
            states = Counter(delivery["state"] for delivery in deliveries.result()["items"])
            report = pending_report.result()
        return ProductReport(
            responses={segment: report[f"{segment}s"] for segment in SEGMENTS},
            nps={"score": report["score"], "margin": report["margin"], "responses": report["responses"]},
            deliveries=dict(states),
            duplicates=observer.count_duplicates(),
            scanner_visits=observer.count_visits(scanner.USER_AGENT),
        )


@contextmanager
def open_demo(config: DemoConfig, plugins: Plugins, folder: Path) -> Iterator[Demo]:
    """Set up a demo in a directory; everything that it started is stopped at the end.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """
    started_at = time.monotonic()
    text = config.text + DEMO_SETTINGS
    table: dict[str, Any] = tomllib.loads(text)
    public_url = free_product_url()
    sandbox, loaded = build_sandbox(config.connections, product_url=public_url)
    with ExitStack() as running:
        running.enter_context(sandbox)
        variables = {
            **config.placeholders,
            config.signing_key: secrets.token_urlsafe(32),
            **sandbox.environment(),
            **build_demo_overrides(table),
        }
        product = ProductProcess(folder, text, variables, os.environ)
        running.callback(product.stop)
        capabilities = detect_capabilities(table, plugins.infos, loaded.vendors)
        yield Demo(config, folder, public_url, sandbox, capabilities, product, started_at, loaded.problems)


def build_demo_overrides(table: Mapping[str, Any]) -> dict[str, str]:
    """Return variables for many customers at once, with delays of seconds instead of days.

    Args:
        table: the configuration, as parsed from TOML.
    """
    return {"NPS_CONNECT_LIMITS__SURVEYS_PER_DAY": str(SURVEYS_PER_DAY), **short_delays(table)}
