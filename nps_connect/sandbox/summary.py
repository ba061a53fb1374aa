"""The demo's printed summary: a table by segment, totals and mismatches."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from nps_connect.sandbox.demo import Demo, DemoResult
from nps_connect.sandbox.demo_console import ConsoleLogin

COLOURS = {"promoter": "green", "passive": "yellow", "detractor": "red"}


def print_summary(result: DemoResult, console: Console) -> None:
    """Print the results of a demo and its mismatches."""
    metrics = result.metrics
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title="Results")
    table.add_column("segment")
    for column in ("people", "surveys", "responses", "scores on contacts", "review mails", "tickets", "alerts"):
        table.add_column(column, justify="right")
    rows = metrics.rows
    for row in rows:
        numbers = (row.people, row.surveys, row.responses, row.scores, row.review_mails, row.tickets, row.alerts)
        table.add_row(row.title, *map(_format_count, numbers), style=COLOURS.get(row.title, "dim"))
    table.add_section()
    table.add_row(
        "all",
        *(
            _format_count(sum(column))
            for column in zip(
                *((r.people, r.surveys, r.responses, r.scores, r.review_mails, r.tickets, r.alerts) for r in rows),
                strict=True,
            )
        ),
    )
    console.print(table)
    report = metrics.product_report
    states = ", ".join(f"{number} {state}" for state, number in sorted(report.deliveries.items()))
    console.print(f"{metrics.log.facts} events at the vendors; deliveries: {states or 'none'}")
    console.print(f"{report.duplicates} repeated events were ignored")
    console.print(f"{report.scanner_visits} visits of mail scanners, none of which counts as a response")
    console.print(_format_nps(result))
    for problem in result.problems:
        console.print(f"mismatch: {problem}", style="bold red", markup=False)
    if not result.problems:
        console.print("Everything balances: scores, tickets and mails were counted at the simulated vendors.")


def print_demo_addresses(demo: Demo, login: ConsoleLogin | None, console: Console) -> None:
    """Print the addresses of a demo that keeps running."""
    console.print("The demo keeps running until Ctrl+C:")
    for name, address in demo_addresses(demo, login).items():
        console.print(f"  {name:<16}{address}", markup=False, highlight=False, soft_wrap=True)


def demo_addresses(demo: Demo, login: ConsoleLogin | None) -> dict[str, str]:
    """Return the addresses of a demo that keeps running, by name, with the sign-in to its console."""
    signed_in = {"console": login.url, "console user": login.email, "password": login.password} if login else {}
    return {
        **signed_in,
        "product": demo.public_url,
        "survey page": _first_survey_link(demo) or "no survey was sent",
        "sandbox": f"{demo.sandbox.url}/",
        "state": f"{demo.sandbox.url}/_state",
        "configuration": str(demo.product.config),
        "inspect": f"nps-connect --config {demo.product.config} deliveries list",
    }


def print_limitations(sentences: Iterable[str], console: Console) -> None:
    """Print what the demo cannot show, with the reason."""
    for sentence in sentences:
        console.print(f"note: {sentence}", style="yellow", markup=False, soft_wrap=True)


def _first_survey_link(demo: Demo) -> str | None:
    for mail in demo.sandbox.mailbox.mails():
        links = mail.links_to(f"{demo.public_url}/s/")
        if links:
            return links[0]
    return None


def _format_count(number: int) -> str:
    return str(number) if number else "-"


def _format_nps(result: DemoResult) -> str:
    nps = result.metrics.product_report.nps
    if nps.get("score") is None:
        return "NPS: no responses"
    margin = f" ± {nps['margin']:.0f}" if nps.get("margin") is not None else ""
    note = ", too few to judge" if nps["responses"] < 30 else ""
    return f"NPS {nps['score']:+.0f}{margin} from {nps['responses']} responses{note}"
