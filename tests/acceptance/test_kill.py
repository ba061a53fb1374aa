"""SIGKILL at moments left to chance, again and again: nothing is lost, nothing happens twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support import torture
from support.fleet import Tormentor, kill_one
from support.nursery import Nursery
from support.restarts import cut_connections
from support.world import World, product

SEED = torture.seed(11)
LONG = torture.is_long()


def killing(world: World, times: int) -> Tormentor:
    return Tormentor(kill_one(world.fleet, random.Random(SEED)), times, random.Random(SEED))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_run_killed_at_any_moment_loses_nothing_and_doubles_nothing(nursery: Nursery, tmp_path: Path):
    with product(nursery, tmp_path, SEED) as world:
        with world.storm(minds_change=LONG) as storm:
            killer = killing(world, torture.kills(6))
            killer.start()
            killer.finish()
        torture.report("run killed, SQLite", SEED, world.account(storm), kills=killer.done)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_web_and_workers_killed_and_connections_cut_lose_nothing_and_double_nothing(
    nursery: Nursery, tmp_path: Path, empty_postgres: str
):
    with product(nursery, tmp_path, SEED, empty_postgres) as world:
        with world.storm(minds_change=LONG) as storm:
            killer = killing(world, torture.kills(6))
            killer.start()
            assert cut_connections(empty_postgres) > 0
            killer.finish()
        torture.report("serve and workers killed, PostgreSQL", SEED, world.account(storm), kills=killer.done)
