"""A product with its vendors, made for torture: on either database, as real processes, with people enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from support.accounts import WAIT, Accounts, account, settle
from support.fleet import ALONE, CLUSTER, Fleet
from support.nursery import Nursery
from support.storm import Storm

from nps_connect.cli.demo import _script
from nps_connect.plugins import Plugins
from nps_connect.records.deliveries import Action
from nps_connect.sandbox.demo import Demo, open_demo
from nps_connect.sandbox.population import Customer, make_population
from nps_connect.settings.loading import environment_path

PEOPLE = 1000
SOON = 'delays = ["1s", "2s", "2s", "3s", "3s", "5s", "5s", "5s", "10s", "10s", "10s", "20s"]\ntotal = "1h"\n'


@dataclass
class World:
    """Everything that a test needs.

    Attributes:
        demo: the product and its vendors.
        fleet: the product's processes.
        nursery: where they are born.
        database_url: of its ledger.
        people: who never opted out.
        seed: of everything left to chance.
    """

    demo: Demo
    fleet: Fleet
    nursery: Nursery
    database_url: str
    people: Sequence[Customer]
    seed: int

    @contextmanager
    def storm(self, *, every: float = 0.25, minds_change: bool = False, patience: float = WAIT) -> Iterator[Storm]:
        """Things happen inside; after it, everything that has begun is brought to its end, within so many seconds."""
        storm = Storm(self.demo, self.people, self.seed, every=every, minds_change=minds_change)
        storm.start()
        try:
            yield storm
            storm.calm()
            settle(storm, self.database_url, patience)
        except BaseException:
            storm.give_up()  # nothing answers any more perhaps: what went wrong is told at once
            raise
        storm.stop()

    def operate(self, *arguments: str) -> tuple[int, str]:
        """Run one command to its end; its exit code and what it said."""
        said = self.demo.folder / "said.txt"
        said.unlink(missing_ok=True)
        stage = self.demo.stage
        child = self.nursery.birth("--config", str(stage.config), *arguments, environ=stage.environ, log=said)
        return child.wait(), said.read_text(encoding="utf-8")

    def account(self, storm: Storm) -> Accounts:
        """Compare everything with what had to happen."""
        code, held = self.operate("deliveries", "list", "--state", "held", "--limit", "100000", "--json")
        assert code == 0, held
        return account(self.demo, storm, self.database_url, {row["id"] for row in json.loads(held)})


@contextmanager
def product(nursery: Nursery, folder: Path, seed: int, database_url: str | None = None) -> Iterator[World]:
    """A running product: `run` on SQLite, or `serve` and two `worker`s on a PostgreSQL database.

    Args:
        nursery: where processes are born.
        folder: an empty folder.
        seed: of the people.
        database_url: an empty PostgreSQL database; none = SQLite.
    """
    plugins = Plugins.load()
    script = _script(plugins, PEOPLE, seed)
    plans = "".join(f"\n[delivery.retry.{action}]\n{SOON}" for action in get_args(Action))
    with open_demo(replace(script, text=script.text + plans), plugins, folder) as demo:
        with environment_path(demo.stage.config).open("a", encoding="utf-8") as secrets:
            secrets.write(f"NPS_CONNECT_LIMITS__UNUSUAL={PEOPLE * 10}\n")
            if database_url is not None:
                secrets.write(f"NPS_CONNECT_CORE__DATABASE_URL='{database_url}'\n")
        people = [one for one in make_population(PEOPLE, seed) if one.part.opted_out is None]
        demo.sandbox.populate([one.person for one in people])
        url = demo.stage.create_database()
        demo.stage.set_up_vendors()
        with Fleet(demo.stage, nursery, ALONE if database_url is None else CLUSTER) as fleet:
            yield World(demo, fleet, nursery, url, people, seed)
