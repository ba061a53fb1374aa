"""Shared by ``imports`` and ``responses import``: what an import would store, what it stored, and what it refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.import_run import MAX_SAMPLES, StepPlan
from nps_connect.cli._support.output import pluralize, print_fields, print_table
from nps_connect.cli._support.rejected_rows import print_rejected_of_files

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context

MAX_FILES = 20


def plan_totals(plans: Iterable[StepPlan]) -> dict[str, Counter[str]]:
    """Return what all files together would store, by kind."""
    return _sum_by_kind(
        (
            plan,
            {
                "new": plan.rows - plan.existing - plan.only_scheduled,
                "stored": plan.existing,
                "only_scheduled": plan.only_scheduled,
                "comments_dropped": plan.comments_dropped,
                "rejected": plan.errors.total,
            },
        )
        for plan in plans
    )


def apply_totals(results: Iterable[tuple[StepPlan, Mapping[str, int], RowErrors]]) -> dict[str, Counter[str]]:
    """Return what was stored of all files together, by kind."""
    return _sum_by_kind(
        (plan, {**totals, "rejected": plan.errors.total + errors.total}) for plan, totals, errors in results
    )


def _sum_by_kind(counts: Iterable[tuple[StepPlan, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    total_by_kind: dict[str, Counter[str]] = {}
    for plan, numbers in counts:
        total_by_kind.setdefault(plan.step.name, Counter()).update({"files": 1, **numbers})
    return total_by_kind


def print_plans(plans: Sequence[StepPlan], refused: Path | None) -> None:
    """Print what would be imported, for people: rows by kind, files with rejected rows, rules, samples."""
    from nps_connect.services.imports.archive import DEDUP_RULES

    names = ("files", "new", "stored", "only_scheduled", "rejected")
    rows = [(kind, *(totals[name] for name in names)) for kind, totals in plan_totals(plans).items()]
    print_table(["kind", *(name.replace("_", " ") for name in names)], rows, empty="nothing")
    _print_rejecting_files([(plan, plan.errors.total) for plan in plans])
    print_rejected_of_files([(plan.step.file.name, plan.errors) for plan in plans], refused)
    for kind in dict.fromkeys(plan.step.name for plan in plans):
        click.echo(f"{kind}: {DEDUP_RULES[kind]}")
        samples = [(plan, sample) for plan in plans if plan.step.name == kind for sample in plan.samples]
        for plan, sample in samples[:MAX_SAMPLES]:
            click.echo(f"  {plan.step.file.name} {plan.errors.unit} {sample['line']}: {_format_sample(sample)}")


def print_results(results: Sequence[tuple[StepPlan, Mapping[str, int], RowErrors]]) -> None:
    """Print what was stored, for people: totals by kind, and the files with rejected rows."""
    for kind, totals in apply_totals(results).items():
        click.echo(kind)
        print_fields(totals)
        click.echo()
    _print_rejecting_files([(plan, plan.errors.total + errors.total) for plan, _, errors in results])


def _print_rejecting_files(rejected_by_plan: Sequence[tuple[StepPlan, int]]) -> None:
    rows = [(plan.step.file.name, plan.step.name, plan.rows, number) for plan, number in rejected_by_plan if number]
    if not rows:
        return
    print_table(["file with rejected rows", "kind", "usable", "rejected"], rows[:MAX_FILES], empty="")
    if len(rows) > MAX_FILES:
        click.echo(f"and {len(rows) - MAX_FILES} more files with rejected rows; all files: --json\n")


def print_warnings(ctx: Context, plans: Sequence[StepPlan]) -> None:
    """Warn on standard error of rejected opt-outs, and of texts of responses, which no later import can add."""
    from nps_connect.settings.durations import format_duration

    suppressions = [plan for plan in plans if plan.step.name == "suppressions"]
    rejected = sum(plan.errors.total - plan.errors.counts["duplicate"] for plan in suppressions)
    if rejected:
        rows_are = pluralize(rejected, "opt-out or bounce is", "opt-outs and bounces are")
        click.echo(f"warning: {rows_are} rejected; whoever they name can still be asked", err=True)
    number = sum(plan.comments_dropped for plan in plans)
    if number:
        responses = pluralize(number, "new response has", "new responses have")
        age = format_duration(ctx.settings.retention.comments)
        click.echo(
            f"warning: {responses} a comment, notes or further answers older than retention.comments ({age}). They are "
            "imported without these texts, and importing again does not add them. To keep them, set a longer "
            "retention.comments before the import",
            err=True,
        )


def _format_sample(sample: dict[str, Any]) -> str:
    from nps_connect.cli._support.output import format_time

    texts = []
    for name, value in sample.items():
        if name == "line" or value is None:
            continue
        text = str(format_time(value, UTC) if hasattr(value, "isoformat") else value)
        texts.append(text if name == "person" else f"{name} {text}")
    return ", ".join(texts)
