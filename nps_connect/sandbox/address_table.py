"""Printed table of the sandbox's addresses."""

from __future__ import annotations

from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table


def print_addresses(addresses: dict[str, Any], console: Console | None = None) -> None:
    """Print the sandbox's addresses and the environment that points a configuration at it."""
    console = console or Console(soft_wrap=True)
    table = Table(title="Sandbox: everything in it is simulated", title_justify="left", show_header=False)
    table.add_row("index", addresses["url"] + "/")
    table.add_row("state", addresses["state"])
    table.add_row("mailbox", addresses["smtp"]["url"])
    for name, vendor in addresses["vendors"].items():
        table.add_row(name, vendor["base_url"])
    console.print(table)
    console.print("Point a configuration made by [bold]nps-connect init[/bold] at it:")
    for name, value in addresses["environment"].items():
        console.print(f"  export {name}={quote(value)}", markup=False, highlight=False)
    console.print("Stop it with Ctrl+C.")
