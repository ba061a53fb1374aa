"""``nps-connect demo``: the whole walk on one machine, with nothing to set up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.output import print_json

if TYPE_CHECKING:
    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.demo import Demo, DemoConfig, DemoResult
    from nps_connect.sandbox.scenario import ProgressCallback

PEOPLE = 48


@click.command("demo")
@click.option("--people", type=click.IntRange(1, 5000), default=PEOPLE, show_default=True, help="How many customers.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other people.")
@click.option("--serve", is_flag=True, help="Keep everything up afterwards and print where to look.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def command(people: int, seed: int, *, serve: bool, as_json: bool) -> None:
    """Play the whole walk with simulated vendors: events, surveys, answers, scores, tickets, alerts, review mails.

    Everything happens in a temporary folder and on loopback ports; nothing leaves this machine. The exit code is 1 if
    the figures do not balance.
    """
    import tempfile
    from pathlib import Path

    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.demo import open_demo
    from nps_connect.sandbox.mailbox import MailboxUnavailable
    from nps_connect.sandbox.product_process import DemoFailed

    plugins = Plugins.load()
    script = _build_script(plugins, people, seed)
    with _exit_on_sigterm(), tempfile.TemporaryDirectory(prefix="nps-connect-demo-") as folder:
        try:
            with open_demo(script, plugins, Path(folder)) as demo:
                balanced = _show(demo, serve=serve, as_json=as_json)
        except (MailboxUnavailable, DemoFailed) as error:
            raise CommandError(str(error)) from error
    if not balanced:
        sys.exit(1)


def _build_script(plugins: Plugins, people: int, seed: int) -> DemoConfig:
    from nps_connect.cli._support.config_template import SIGNING_KEY, build_config_template
    from nps_connect.sandbox.demo import DemoConfig

    try:
        composed = build_config_template(plugins.infos.values(), environment_file="nps-connect.env")
    except ValueError as error:
        raise CommandError(f"{error}; see: nps-connect plugins list") from None
    names = {plugin: name for name, plugin in composed.connections.items()}
    return DemoConfig(composed.text, names, composed.environment, SIGNING_KEY, people, seed)


def _show(demo: Demo, *, serve: bool, as_json: bool) -> bool:
    from rich.console import Console

    from nps_connect.cli._support.output import console
    from nps_connect.sandbox import summary
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    errors = Console(stderr=True)
    for name, problem in demo.left_out.items():
        summary.print_limitations([f"the simulated vendor {name} is left out: {problem}"], errors)
    summary.print_limitations(demo.capabilities.missing, errors)
    with _progress_reporter(hidden=as_json and not sys.stderr.isatty()) as tell:
        outcome = demo.run(tell)
    _print(demo, outcome, serve=serve, as_json=as_json)
    if serve:
        with stop_event_on_signal() as told:
            if not as_json:
                summary.print_demo_addresses(demo, console())
            sys.stdout.flush()
            told.wait()
    code = demo.product.stop()
    if code:
        click.echo(f"Error: the product did not end in good order (exit code {code})", err=True)
    return not outcome.problems and code == 0


def _print(demo: Demo, outcome: DemoResult, *, serve: bool, as_json: bool) -> None:
    from nps_connect.cli._support.output import console
    from nps_connect.sandbox import summary

    if not as_json:
        summary.print_summary(outcome, console())
        return
    figures = outcome.metrics.as_json()
    print_json(figures | {"addresses": summary.demo_addresses(demo)} if serve else figures)
    for problem in outcome.problems:
        click.echo(f"does not balance: {problem}", err=True)


@contextmanager
def _progress_reporter(*, hidden: bool) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as progress:

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield tell


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """SIGTERM unwinds like an exit, so that the product's process and the temporary folder go too."""

    def leave(_signum: int, _frame: FrameType | None) -> None:
        sys.exit(128 + signal.SIGTERM)

    former = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
