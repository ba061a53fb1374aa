"""A product with its vendors, made for torture: on either database, as real processes, with people enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from support.end_state import IDLE_TIMEOUT_SECONDS, EndState, verify_end_state, wait_until_idle
from support.load_generator import LoadGenerator
from support.process_group import CLUSTER_COMMANDS, EMBEDDED_COMMANDS, ProcessGroup
from support.process_pool import ProcessPool

from nps_connect.cli.demo import _build_demo_config
from nps_connect.plugins import Plugins
from nps_connect.records.deliveries import Action
from nps_connect.sandbox.demo import Demo, open_demo
from nps_connect.sandbox.population import Customer, build_population
from nps_connect.settings.load_settings import environment_path

CUSTOMER_COUNT = 1000
FAST_RETRY_PLAN = (
    'delays = ["1s", "2s", "2s", "3s", "3s", "5s", "5s", "5s", "10s", "10s", "10s", "20s"]\ntotal = "1h"\n'
)


@dataclass
class ProductEnvironment:
    """Everything that a test needs.

    Attributes:
        demo: the product and its vendors.
        fleet: the product's processes.
        process_pool: where they are born.
        database_url: of its ledger.
        people: who never opted out.
        seed: of everything left to chance.
    """

    demo: Demo
    fleet: ProcessGroup
    process_pool: ProcessPool
    database_url: str
    people: Sequence[Customer]
    seed: int

    @contextmanager
    def load_generator(
        self, *, every: float = 0.25, minds_change: bool = False, patience: float = IDLE_TIMEOUT_SECONDS
    ) -> Iterator[LoadGenerator]:
        """Things happen inside; after it, everything that has begun is brought to its end, within so many seconds."""
        load_generator = LoadGenerator(self.demo, self.people, self.seed, every=every, minds_change=minds_change)
        load_generator.start()
        try:
            yield load_generator
            load_generator.stop_events()
            wait_until_idle(load_generator, self.database_url, patience)
        except BaseException:
            load_generator.abandon()  # nothing answers any more perhaps: what went wrong is told at once
            raise
        load_generator.stop()

    def run_command(self, *arguments: str) -> tuple[int, str]:
        """Run one command to its end; its exit code and what it said."""
        said = self.demo.folder / "said.txt"
        said.unlink(missing_ok=True)
        stage = self.demo.product
        child = self.process_pool.spawn("--config", str(stage.config), *arguments, environ=stage.environ, log=said)
        return child.wait(), said.read_text(encoding="utf-8")

    def account(self, load_generator: LoadGenerator) -> EndState:
        """Compare everything with what had to happen."""
        code, held = self.run_command("deliveries", "list", "--state", "held", "--limit", "100000", "--json")
        assert code == 0, held
        return verify_end_state(self.demo, load_generator, self.database_url, {row["id"] for row in json.loads(held)})


@contextmanager
def running_product(
    process_pool: ProcessPool, folder: Path, seed: int, database_url: str | None = None
) -> Iterator[ProductEnvironment]:
    """A running product: `run` on SQLite, or `serve` and two `worker`s on a PostgreSQL database.

    Args:
        process_pool: where processes are born.
        folder: an empty folder.
        seed: of the people.
        database_url: an empty PostgreSQL database; none = SQLite.
    """
    plugins = Plugins.load()
    script = _build_demo_config(plugins, CUSTOMER_COUNT, seed)
    plans = "".join(f"\n[delivery.retry.{action}]\n{FAST_RETRY_PLAN}" for action in get_args(Action))
    with open_demo(replace(script, text=script.text + plans), plugins, folder) as demo:
        with environment_path(demo.product.config).open("a", encoding="utf-8") as secrets:
            secrets.write(f"NPS_CONNECT_LIMITS__UNUSUAL={CUSTOMER_COUNT * 10}\n")
            if database_url is not None:
                secrets.write(f"NPS_CONNECT_CORE__DATABASE_URL='{database_url}'\n")
        people = [one for one in build_population(CUSTOMER_COUNT, seed) if one.persona.opted_out is None]
        demo.sandbox.populate([one.person for one in people])
        url = demo.product.create_database()
        demo.product.set_up_vendors()
        with ProcessGroup(
            demo.product, process_pool, EMBEDDED_COMMANDS if database_url is None else CLUSTER_COMMANDS
        ) as fleet:
            yield ProductEnvironment(demo, fleet, process_pool, url, people, seed)
