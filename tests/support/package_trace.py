"""Count the packages, files and functions that one item passes through, for ``make trace``.

Every call of a function of ``nps_connect/`` is recorded while one piece of work runs in this thread, on an application
without network and threads. Each piece runs once before it is counted, so that imports, caches and compiled statements
do not count.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from support.application import ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import create_empty_database

import nps_connect
from nps_connect.ledger.ledger import Ledger

PACKAGE_ROOT = Path(nps_connect.__file__).parent


def _load_ranks() -> dict[str, int]:
    """The rank of each package of ``services/`` in the import contract, 0 for the highest."""
    text = (PACKAGE_ROOT.parent / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["nps_connect.services"]]
    return {package: rank for rank, layer in enumerate(layers) for package in re.findall(r"\w+", layer)}


RANK_BY_PACKAGE = _load_ranks()


@dataclass
class PackageTrace:
    """What ran during one piece of work.

    Attributes:
        functions: the executed functions of ``nps_connect/``, as file (relative to the package) and qualified name.
        pairs: calls between packages of ``services/``, as caller and callee; calls by way of other layers count too.
        callbacks: calls of functions that a package registers in an `ActionSpec`, as caller and callee.
    """

    functions: set[tuple[str, str]] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    callbacks: set[tuple[str, str]] = field(default_factory=set)

    @property
    def files(self) -> set[str]:
        """Executed files of ``nps_connect/``."""
        return {file for file, _ in self.functions}

    @property
    def upward_pairs(self) -> set[tuple[str, str]]:
        """Pairs whose callee lies above the caller, or beside it in the same layer of the import contract."""
        return {pair for pair in self.pairs if RANK_BY_PACKAGE[pair[1]] <= RANK_BY_PACKAGE[pair[0]]}

    @property
    def figures(self) -> dict[str, int]:
        """The counts that are compared with their ceilings."""
        return {
            "pairs": len(self.pairs),
            "upward": len(self.upward_pairs),
            "files": len(self.files),
            "functions": len(self.functions),
        }


@contextmanager
def record_calls(registered: Collection[CodeType] = ()) -> Iterator[PackageTrace]:
    """Record the calls that this thread makes inside the block.

    Args:
        registered: code of the functions that `ActionSpec`s name.
    """
    trace = PackageTrace()
    location_by_code: dict[CodeType, tuple[str, str | None] | None] = {}

    def locate(code: CodeType) -> tuple[str, str | None] | None:
        """Return the file and, inside ``services/``, the package of a function; None for foreign code."""
        if code not in location_by_code:
            path = Path(code.co_filename)
            is_ours = path.is_relative_to(PACKAGE_ROOT)
            location_by_code[code] = _describe(path.relative_to(PACKAGE_ROOT)) if is_ours else None
        return location_by_code[code]

    def on_event(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or (location := locate(frame.f_code)) is None:
            return
        file, callee = location
        trace.functions.add((file, frame.f_code.co_qualname))
        caller = _nearest_package(frame.f_back, locate) if callee else None
        if caller and callee and caller != callee:
            (trace.callbacks if frame.f_code in registered else trace.pairs).add((caller, callee))

    sys.setprofile(on_event)
    try:
        yield trace
    finally:
        sys.setprofile(None)


def _describe(path: Path) -> tuple[str, str | None]:
    is_step = path.parts[0] == "services" and len(path.parts) > 2
    return str(path), path.parts[1] if is_step else None


def _nearest_package(
    frame: FrameType | None, locate: Callable[[CodeType], tuple[str, str | None] | None]
) -> str | None:
    """The package of ``services/`` that the nearest calling frame lies in."""
    while frame is not None:
        location = locate(frame.f_code)
        if location is not None and location[1] is not None:
            return location[1]
        frame = frame.f_back
    return None


def trace_items(ledger: Ledger) -> dict[str, PackageTrace]:
    """Trace five pieces of work of a detractor's way, each for one item.

    Args:
        ledger: an empty ledger.
    """
    application = ApplicationHarness(ledger, ManualClock())
    _process_customer(application, "1", {})
    traces: dict[str, PackageTrace] = {}
    _process_customer(application, "2", traces)
    return traces


def _registered_functions(application: ApplicationHarness) -> set[CodeType]:
    """Code of every function of an `ActionHandler`."""
    handlers = [spec.handler for spec in application.ctx.actions.values()]
    values = (getattr(handler, part.name) for handler in handlers for part in fields(handler))
    return {value.__code__ for value in values if hasattr(value, "__code__")}


def _process_customer(application: ApplicationHarness, person: str, traces: dict[str, PackageTrace]) -> None:
    """Take one customer from the webhook to the ticket; a trace for each piece of work goes into `traces`."""
    email = f"person{person}@example.com"
    registered = _registered_functions(application)
    application.crm.knows(person, email)
    with record_calls(registered) as traces["webhook to invitation"]:
        application.webhook(application.won(person))
        application.run(only="crm/")
    application.clock.forward("3d")
    with record_calls(registered) as traces["send_survey"]:
        application.run(only="/send_survey")
    token = application.token(email)
    with record_calls(registered) as traces["submission"]:
        application.answer(token, 2, "Trop lent")
    for action in ("write_score", "open_ticket"):
        with record_calls(registered) as traces[action]:
            application.run(only=f"/{action}")
    application.run()


def render_report(traces: dict[str, PackageTrace]) -> str:
    """One line of figures and one of package pairs for each piece of work."""
    lines = []
    for name, trace in traces.items():
        figures = trace.figures
        pairs = ", ".join(f"{caller} -> {callee}" for caller, callee in sorted(trace.pairs))
        upward = ", ".join(f"{caller} -> {callee}" for caller, callee in sorted(trace.upward_pairs))
        callbacks = ", ".join(f"{caller} -> {callee}" for caller, callee in sorted(trace.callbacks))
        lines.append(
            f"{name}: {figures['pairs']} package pairs ({figures['upward']} upward), {figures['files']} files,"
            f" {figures['functions']} functions"
        )
        lines.append(f"  pairs: {pairs or '-'}")
        lines += [f"  upward: {upward}"] if upward else []
        lines += [f"  callbacks: {callbacks}"] if callbacks else []
    return "\n".join(lines)


def render_files(trace: PackageTrace) -> str:
    """The executed files with their functions, for those who want to shorten a way."""
    return "\n".join(
        f"    {file}: {', '.join(sorted(name for path, name in trace.functions if path == file))}"
        for file in sorted(trace.files)
    )


def main(arguments: list[str]) -> None:
    """Print the report; with the name of a piece of work, its files and functions too."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{create_empty_database(Path(folder) / 'ledger.db')}")
        traces = trace_items(ledger)
        ledger.close()
    sys.stdout.write(f"{render_report(traces)}\n")
    for name in arguments:
        sys.stdout.write(f"{name}\n{render_files(traces[name])}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
