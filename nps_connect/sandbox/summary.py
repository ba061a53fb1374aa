"""The demo's last picture: a table by segment, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from nps_connect.sandbox.demo import Demo, DemoResult

COLOURS = {"promoter": "green", "passive": "yellow", "detractor": "red"}


def print_summary(outcome: DemoResult, console: Console) -> None:
    """Print what came of a demo, and what does not balance."""
    figures = outcome.metrics
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title="What came of it")
    table.add_column("segment")
    for column in ("people", "surveys", "answers", "scores on contacts", "review mails", "tickets", "alerts"):
        table.add_column(column, justify="right")
    rows = figures.rows
    for row in rows:
        numbers = (row.people, row.surveys, row.answers, row.scores, row.review_mails, row.tickets, row.alerts)
        table.add_row(row.title, *map(_format_count, numbers), style=COLOURS.get(row.title, "dim"))
    table.add_section()
    table.add_row(
        "all",
        *(
            _format_count(sum(column))
            for column in zip(
                *((r.people, r.surveys, r.answers, r.scores, r.review_mails, r.tickets, r.alerts) for r in rows),
                strict=True,
            )
        ),
    )
    console.print(table)
    told = figures.told
    states = ", ".join(f"{number} {state}" for state, number in sorted(told.deliveries.items()))
    console.print(f"{figures.record.facts} things happened at the vendors; deliveries: {states or 'none'}")
    console.print(f"{told.duplicates} events came in again and were ignored")
    console.print(f"{told.scanner_visits} visits of mail scanners, none of which counts as an answer")
    console.print(_format_nps(outcome))
    for problem in outcome.problems:
        console.print(f"does not balance: {problem}", style="bold red", markup=False)
    if not outcome.problems:
        console.print("Everything balances: scores, tickets and mails were counted at the simulated vendors.")


def print_demo_addresses(demo: Demo, console: Console) -> None:
    """Print where to look while everything stays up."""
    console.print("Everything stays up until Ctrl+C:")
    for what, where in demo_addresses(demo).items():
        console.print(f"  {what:<14}{where}", markup=False, highlight=False, soft_wrap=True)


def demo_addresses(demo: Demo) -> dict[str, str]:
    """Where to look while everything stays up, by what is there."""
    return {
        "product": demo.public_url,
        "survey page": _first_survey_link(demo) or "no survey was sent",
        "sandbox": f"{demo.sandbox.url}/",
        "state": f"{demo.sandbox.url}/_state",
        "configuration": str(demo.product.config),
        "look closer": f"nps-connect --config {demo.product.config} deliveries list",
    }


def print_limitations(sentences: Iterable[str], console: Console) -> None:
    """Print what the demo will not show, and why."""
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


def _format_nps(outcome: DemoResult) -> str:
    nps = outcome.metrics.told.nps
    if nps.get("score") is None:
        return "NPS: no answers"
    margin = f" ± {nps['margin']:.0f}" if nps.get("margin") is not None else ""
    small = ", too few to judge" if nps["responses"] < 30 else ""
    return f"NPS {nps['score']:+.0f}{margin} from {nps['responses']} answers{small}"
