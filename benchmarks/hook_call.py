"""Cost of calling a hook of one plugin, compared with a bare pluggy call in the same run; the limit is 3 times."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from types import ModuleType

import pluggy

from nps_connect import ConnectionSettings, ConnectorInfo, hookimpl
from nps_connect.hookspecs import operations
from nps_connect.hookspecs.markers import PROJECT
from nps_connect.plugins import Plugins

CALLS = 20_000
ROUNDS = 7


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Yield each figure: text, count, seconds, remark."""
    module = _plugin()
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(operations)
    manager.register(module, "acme")
    plugins = Plugins()
    plugins.register(module, "acme")
    bare, ours = float("inf"), float("inf")
    for _ in range(ROUNDS):  # in turns, so that a busy machine slows both
        start = perf_counter()
        for _ in range(CALLS):
            manager.hook.nps_check(connection=None)
        middle = perf_counter()
        for _ in range(CALLS):
            plugins.call("acme", "nps_check", connection=None)
        bare, ours = min(bare, middle - start), min(ours, perf_counter() - middle)
    yield "a bare pluggy call", CALLS, bare, ""
    yield "a hook call of the core", CALLS, ours, f"{ours / bare:.2f} times a bare call; limit 3"


def _plugin() -> ModuleType:
    module = ModuleType("acme")

    @hookimpl
    def nps_connector() -> ConnectorInfo:
        return ConnectorInfo(name="acme", title="Acme", settings=ConnectionSettings)

    @hookimpl
    def nps_check(connection: object) -> list[object]:  # noqa: ARG001  # the argument is part of the cost
        return []

    vars(module).update(nps_connector=nps_connector, nps_check=nps_check)
    return module
