"""``nps-connect demo``: the whole pipeline with simulated vendors on one machine."""

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
    from rich.console import Console

    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.demo import Demo, DemoConfig, DemoResult
    from nps_connect.sandbox.demo_console import ConsoleLogin
    from nps_connect.sandbox.scenario import ProgressCallback

DEFAULT_PEOPLE = 48


@click.command("demo")
@click.option(
    "--people", type=click.IntRange(1, 5000), default=DEFAULT_PEOPLE, show_default=True, help="Number of customers."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random customers.")
@click.option(
    "--serve",
    is_flag=True,
    help="Keep all processes running; print their addresses, and a sign-in to the console with three shops.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object.")
def demo(people: int, seed: int, *, serve: bool, as_json: bool) -> None:
    """Run an end-to-end demo with simulated vendors: events, surveys, responses, scores, tickets, alerts, reviews.

    Uses a temporary folder and loopback ports only; nothing leaves this machine. Exit code 1 if the results recorded by
    the product and by the simulated vendors differ.
    """
    import tempfile
    from pathlib import Path

    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.demo import open_demo
    from nps_connect.sandbox.mailbox import MailboxUnavailable
    from nps_connect.sandbox.product_process import DemoFailed

    plugins = Plugins.load()
    config = _build_demo_config(plugins, people, seed)
    with _exit_on_sigterm(), tempfile.TemporaryDirectory(prefix="nps-connect-demo-") as folder:
        try:
            with open_demo(config, plugins, Path(folder)) as demo:
                succeeded = _run_demo(demo, serve=serve, as_json=as_json)
        except (MailboxUnavailable, DemoFailed) as error:
            raise CommandError(str(error)) from error
    if not succeeded:
        sys.exit(1)


def _build_demo_config(plugins: Plugins, people: int, seed: int) -> DemoConfig:
    from nps_connect.cli._support.config_template import SIGNING_KEY, build_config_template
    from nps_connect.sandbox.demo import DemoConfig

    try:
        template = build_config_template(plugins.infos.values(), environment_file="nps-connect.env")
    except ValueError as error:
        raise CommandError(f"{error}; see: nps-connect plugins list") from None
    names = {plugin: name for name, plugin in template.connections.items()}
    return DemoConfig(template.text, names, template.environment, SIGNING_KEY, people, seed)


def _run_demo(demo: Demo, *, serve: bool, as_json: bool) -> bool:
    """Run the demo and print its results; return whether everything succeeded."""
    from nps_connect.cli._support.output import console
    from nps_connect.sandbox import summary
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    errors = console(stderr=True)
    for name, problem in demo.unavailable_vendors.items():
        summary.print_limitations([f"simulated vendor {name} is not available: {problem}"], errors)
    summary.print_limitations(demo.capabilities.missing, errors)
    with _progress_reporter(hidden=as_json and not sys.stderr.isatty()) as report_progress:
        result = demo.run(report_progress)
    login = _set_up_console(demo, errors) if serve else None
    _print(demo, result, login, serve=serve, as_json=as_json)
    if serve:
        with stop_event_on_signal() as stop_event:
            if not as_json:
                summary.print_demo_addresses(demo, login, console())
            sys.stdout.flush()
            stop_event.wait()
    code = demo.product.stop()
    if code:
        click.echo(f"Error: the product did not shut down gracefully (exit code {code})", err=True)
    return not result.problems and code == 0


def _set_up_console(demo: Demo, errors: Console) -> ConsoleLogin | None:
    """Fill the console; without its extra, say how to install it."""
    from nps_connect.errors import ConfigError
    from nps_connect.sandbox import summary

    try:
        return demo.set_up_console()
    except ConfigError as error:
        summary.print_limitations([f"{error}"], errors)
        return None


def _print(demo: Demo, result: DemoResult, login: ConsoleLogin | None, *, serve: bool, as_json: bool) -> None:
    from nps_connect.cli._support.output import console
    from nps_connect.sandbox import summary

    if not as_json:
        summary.print_summary(result, console())
        return
    metrics = result.metrics.as_json()
    print_json(metrics | {"addresses": summary.demo_addresses(demo, login)} if serve else metrics)
    for problem in result.problems:
        click.echo(f"mismatch: {problem}", err=True)


@contextmanager
def _progress_reporter(*, hidden: bool) -> Iterator[ProgressCallback]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    from nps_connect.cli._support.output import console

    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console(stderr=True), disable=hidden) as progress:

        def report_progress(step: str, completed: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total)
            progress.update(tasks[step], completed=completed, total=total)

        yield report_progress


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Convert SIGTERM to SystemExit, so that the product process is stopped and the temporary folder deleted."""

    def exit_process(_signum: int, _frame: FrameType | None) -> None:
        sys.exit(128 + signal.SIGTERM)

    previous_handler = signal.signal(signal.SIGTERM, exit_process)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous_handler)
