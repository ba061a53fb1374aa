"""The product with its simulated vendors for fault tests: real processes on either database."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import httpx
from support import torture_options
from support.end_state import IDLE_TIMEOUT_SECONDS, EndState, verify_end_state, wait_until_idle
from support.load_generator import LoadGenerator, retry_until_success, send_accepted_webhook
from support.process_group import CLUSTER_COMMANDS, EMBEDDED_COMMANDS, ProcessGroup
from support.process_pool import ProcessPool

from nps_connect.cli.demo import _build_demo_config
from nps_connect.plugins import Plugins
from nps_connect.records.actions import Action
from nps_connect.sandbox.demo import Demo, open_demo
from nps_connect.sandbox.population import Customer, build_population
from nps_connect.settings.load_settings import environment_path

CUSTOMER_COUNT = 1000
FAST_RETRY_PLAN = (
    'delays = ["1s", "2s", "2s", "3s", "3s", "5s", "5s", "5s", "10s", "10s", "10s", "20s"]\ntotal = "1h"\n'
)


@dataclass
class ProductEnvironment:
    """A running product with its vendors and customers.

    Attributes:
        demo: the product and its vendors.
        process_group: the product's processes.
        process_pool: the pool that starts processes.
        database_url: the address of its ledger.
        customers: the customers who have not opted out.
        seed: the seed of the random choices.
    """

    demo: Demo
    process_group: ProcessGroup
    process_pool: ProcessPool
    database_url: str
    customers: Sequence[Customer]
    seed: int

    @contextmanager
    def load_generator(
        self,
        *,
        interval_seconds: float | None = None,
        scores_change: bool = False,
        first_customer: int = 0,
        idle_timeout_seconds: float = IDLE_TIMEOUT_SECONDS,
    ) -> Iterator[LoadGenerator]:
        """Create load inside the context; on exit wait until all started work is finished."""
        load_generator = LoadGenerator(
            self.demo,
            self.customers[first_customer:],
            self.seed,
            interval_seconds=interval_seconds or torture_options.event_interval_seconds(),
            scores_change=scores_change,
        )
        load_generator.start()
        try:
            yield load_generator
            load_generator.stop_events()
            wait_until_idle(load_generator, self.database_url, idle_timeout_seconds)
        except BaseException:
            load_generator.abort()  # the product may be down: raise without waiting for it
            raise
        load_generator.stop()

    def send_webhooks(self, facts: Sequence[str], client: httpx.Client) -> None:
        """Send the webhooks of these events of the first event source until they are accepted."""
        source = self.demo.capabilities.sources[0]
        url = f"{self.demo.public_url}/hooks/{source.connection}"
        for webhook in self.demo.sandbox.vendors[source.plugin].webhooks(facts, url):
            retry_until_success(lambda webhook=webhook: send_accepted_webhook(webhook, url, client))

    def run_command(self, *arguments: str) -> tuple[int, str]:
        """Run one command and return its exit code and output."""
        output = self.demo.folder / "output.txt"
        output.unlink(missing_ok=True)
        product = self.demo.product
        child = self.process_pool.spawn(
            "--config", str(product.config), *arguments, environ=product.environ, log=output
        )
        return child.wait(), output.read_text(encoding="utf-8")

    def verify(self, load_generator: LoadGenerator) -> EndState:
        """Verify that nothing was lost and nothing happened twice."""
        code, held = self.run_command("deliveries", "list", "--state", "held", "--limit", "100000", "--json")
        assert code == 0, held
        return verify_end_state(
            self.demo, load_generator, self.database_url, {row["id"] for row in json.loads(held)["items"]}
        )


@contextmanager
def reserved_port(url: str) -> Iterator[None]:
    """Keep others on this machine from using the port of a product that is down; the product itself can use it."""
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        yield


@contextmanager
def running_product(
    process_pool: ProcessPool, folder: Path, seed: int, database_url: str | None = None
) -> Iterator[ProductEnvironment]:
    """Run the product: `run` on SQLite, or `serve` and two `worker`s on PostgreSQL.

    Args:
        process_pool: the pool that starts processes.
        folder: an empty folder.
        seed: the seed of the customers.
        database_url: an empty PostgreSQL database; None for SQLite.
    """
    plugins = Plugins.load()
    config = _build_demo_config(plugins, CUSTOMER_COUNT, seed)
    retry_plans = "".join(f"\n[delivery.retry.{action}]\n{FAST_RETRY_PLAN}" for action in get_args(Action))
    with (
        open_demo(replace(config, text=config.text + retry_plans), plugins, folder) as demo,
        reserved_port(demo.public_url),
    ):
        with environment_path(demo.product.config).open("a", encoding="utf-8") as environment_file:
            environment_file.write(f"NPS_CONNECT_LIMITS__UNUSUAL={CUSTOMER_COUNT * 10}\n")
            # The erasure of somebody to whom something is being delivered waits this long: less than the idle timeout.
            environment_file.write("NPS_CONNECT_DELIVERY__DEADLINE=2m\n")
            if database_url is not None:
                environment_file.write(f"NPS_CONNECT_CORE__DATABASE_URL='{database_url}'\n")
                environment_file.write("NPS_CONNECT_CORE__STATE_DIR=state\n")
        population = build_population(CUSTOMER_COUNT, seed)
        customers = [customer for customer in population if customer.persona.opted_out is None]
        demo.sandbox.populate([customer.person for customer in customers])
        url = demo.product.create_database()
        demo.product.set_up_vendors()
        with ProcessGroup(
            demo.product, process_pool, EMBEDDED_COMMANDS if database_url is None else CLUSTER_COMMANDS
        ) as process_group:
            yield ProductEnvironment(demo, process_group, process_pool, url, customers, seed)
