"""Shared by ``imports`` and ``responses import``: read everything without changing anything, then store it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nps_connect.cli._support import csv_input, rejected_rows
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.output import pluralize

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.archive import ImportStep
    from nps_connect.services.imports.dedup_store import DedupStore

MAX_SAMPLES = 3


@dataclass
class StepPlan:
    """What a step would store.

    Attributes:
        step: the step.
        errors: rows that are left out.
        rows: usable rows.
        existing: how many of them are stored already.
        only_scheduled: how many are surveys that were never sent; they become a cooldown and no invitation.
        comments_dropped: how many of the others would lose comment, notes and further answers, by their age.
        zoneless: how many of them have a time without a zone.
        scores: number of usable responses by score.
        samples: the first rows, with masked addresses.
    """

    step: ImportStep
    errors: RowErrors
    rows: int = 0
    existing: int = 0
    only_scheduled: int = 0
    comments_dropped: int = 0
    zoneless: int = 0
    scores: Counter[int] = field(default_factory=Counter)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        from nps_connect.services.imports.archive import DEDUP_RULES

        return {
            "file": self.step.file.name,
            "kind": self.step.name,
            "rows": self.rows,
            "already_imported": self.existing,
            "only_scheduled": self.only_scheduled,
            "comments_dropped": self.comments_dropped,
            "same": DEDUP_RULES[self.step.name],
            "rejected": rejected_rows.rejected_json(self.errors),
            "samples": self.samples,
        }


def plan_steps(
    ctx: Context,
    steps: Sequence[ImportStep],
    dedup_store: DedupStore,
    collect: Callable[[str], RowErrors],
    *,
    hidden: bool,
) -> list[StepPlan]:
    """Read all files; change nothing.

    Args:
        ctx: the application context.
        steps: of the import.
        dedup_store: records the newest score of each person.
        collect: returns the collector of errors of a file.
        hidden: show no progress bar.

    Raises:
        InvalidImportFile: a file is not a table from some line on.
    """
    from nps_connect.rules.imports.row_errors import naming_file

    plans = []
    for step in steps:
        plan = StepPlan(step, collect(step.file.name))
        plan.errors.unit = step.file.file.unit
        with naming_file(step.file.name):
            csv_input.process_batches(
                f"reading {step.file.name}",
                partial(step.read, plan.errors),
                partial(_count_batch, ctx, plan, dedup_store),
                hidden=hidden,
            )
        plans.append(plan)
    return plans


def _count_batch(ctx: Context, plan: StepPlan, dedup_store: DedupStore, batch: list[Any]) -> None:
    plan.rows += len(batch)
    if plan.step.name == "responses":
        for response in batch:
            plan.zoneless += response.zoneless
            plan.scores[response.score] += 1
            dedup_store.record_score(response.person.fingerprint, response.answered_at, response.score)
    plan.samples += [_sample(row) for row in batch[: MAX_SAMPLES - len(plan.samples)]]
    with ctx.ledger.read() as session:
        preview = plan.step.preview(session, batch)
    plan.existing += preview.get("already_imported", 0)
    plan.only_scheduled += preview.get("only_scheduled", 0)
    plan.comments_dropped += preview.get("comments_dropped", 0)


def check_plans(plans: Sequence[StepPlan]) -> None:
    """Refuse files without usable rows, and files that lost all responses at an end of the scale.

    Raises:
        CommandError: nothing of the files is imported.
    """
    from nps_connect.services.imports.response_rows import end_reason

    if not any(plan.rows for plan in plans):
        raise CommandError("the file contains no usable line" if len(plans) == 1 else "no file contains a usable line")
    lost = {end: sum(plan.errors.counts[end_reason(end)] for plan in plans) for end in (0, 10)}
    for end, number in lost.items():
        if number and not any(plan.scores[end] for plan in plans):
            lines = pluralize(number, "rejected line", "rejected lines")
            raise CommandError(
                f"nothing was imported: {lines} probably mean the score {end}, no other line has it, and figures "
                "without it would be wrong. Write numbers from 0 to 10 into the column of scores"
            )


def apply_steps(
    plans: Sequence[StepPlan], collect: Callable[[str], RowErrors], *, hidden: bool
) -> list[tuple[StepPlan, dict[str, int], RowErrors]]:
    """Store all files in batches; return plan, totals and further errors of each step.

    Args:
        plans: of the steps, which have reported the rejected lines already.
        collect: returns a collector of the errors that only the ledger and the CRM tell.
        hidden: show no progress bar.
    """
    from nps_connect.rules.imports.row_errors import RowErrors, naming_file
    from nps_connect.services.imports.archive import repeated_steps

    results = []
    for plan in plans:
        step, totals = plan.step, Counter(dict.fromkeys(plan.step.totals, 0))
        errors = collect(step.file.name)
        errors.unit = step.file.file.unit
        with naming_file(step.file.name):
            csv_input.process_batches(
                f"importing {step.file.name}",
                partial(step.read, RowErrors()),
                partial(_store_batch, step, totals, errors),
                partial(_stopped, step, totals),
                hidden=hidden,
            )
        results.append((plan, dict(totals), errors))
    for step in repeated_steps([plan.step for plan in plans]):
        csv_input.process_batches(
            f"completing {step.file.name}",
            partial(step.read, RowErrors()),
            partial(_store_batch, step, Counter(), RowErrors()),
            hidden=hidden,
        )
    return results


def _store_batch(step: ImportStep, totals: Counter[str], errors: RowErrors, batch: list[Any]) -> None:
    step.store(batch, totals, errors)


def _stopped(step: ImportStep, totals: Counter[str], line: int) -> str:
    number = sum(count for name, count in totals.items() if name in ("new", "opted_out", "bounced", "objected"))
    noun = step.name.replace("_", " ")
    imported = pluralize(number, noun.removesuffix("s"), noun)
    return f"Stopped after line {line}: {imported} imported. Run the same command again to import the remaining lines."


def _sample(row: Any) -> dict[str, Any]:  # noqa: ANN401  # of any kind
    """Return a row with masked address and without texts."""
    from nps_connect.services.suppressions.opt_out import mask_email

    names = ("score", "answered_at", "sent_at", "next_due_at", "reason", "platform")
    email = row.person.email if hasattr(row, "person") else None
    values = {name: getattr(row, name) for name in names if getattr(row, name, None) is not None}
    return {"line": row.line, "person": mask_email(email) if email else None, **values}
