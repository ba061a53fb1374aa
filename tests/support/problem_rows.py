"""Problems in each state, for tests of pages: one worked, one without a change seen, one waiting, one late."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.ledger.problems import ProblemRow
from nps_connect.rules.nps_arithmetic import compute_nps
from nps_connect.rules.problem_effect import DaySpan, ScoreComparison, ShareComparison, plan_evaluation
from nps_connect.services.context import Context
from nps_connect.services.problems.evaluate import build_evaluation

WORKED = ScoreComparison(
    compute_nps(180, 120, 140), compute_nps(260, 110, 80), compute_nps(2100, 900, 800), compute_nps(2150, 880, 790)
)
UNSEEN = ShareComparison(48, 520, 41, 505)


def add_problems(ctx: Context) -> dict[str, int]:
    """Store the problems; returns their numbers by name."""
    zone, now = ctx.settings.core.zone, ctx.clock()
    today = now.astimezone(zone).date()

    def row(title: str, days_ago: int, *, fixed: int | None = None, **values: object) -> ProblemRow:
        opened = today - timedelta(days=days_ago)
        evidence = DaySpan(opened - timedelta(days=27), opened)
        problem = ProblemRow(
            **{
                "title": title, "cause_kind": "group", "owner": "Paul Bernard", "deadline": opened + timedelta(days=21),
                "evidence_first": evidence.first, "evidence_last": evidence.last, "opened_by": "claire@example.com",
                "opened_at": now - timedelta(days=days_ago), **values,
            }
        )  # fmt: skip
        if fixed is not None:
            day = today - timedelta(days=fixed)
            plan = plan_evaluation(fixed_on=day, entered_on=day, evidence=evidence, days=56)
            problem.fixed_on, problem.fix_entered_by, problem.fix_note = day, "paul@example.com", "Nouveau transporteur"
            problem.before = [[span.first.isoformat(), span.last.isoformat()] for span in plan.before]
            problem.after_first, problem.after_last, problem.due_on = plan.after.first, plan.after.last, plan.due_on
        return problem

    problems = {
        "worked": row(
            "Livraisons en retard", 100, fixed=70, concerned={"d.location": "Lille"},
            evaluation=build_evaluation(WORKED), evaluated_at=now, note="Deux tournées sur trois arrivent après 18 h.",
        ),
        "unseen": row(
            "Emballages abîmés", 90, fixed=65, cause_kind="choice", cause={"question": "reason", "choice": "Emballage"},
            evaluation=build_evaluation(UNSEEN), evaluated_at=now,
        ),
        "waiting": row("File d'attente le samedi", 40, fixed=12, concerned={"d.location": "Paris"}),
        "late": row("Factures illisibles", 30, concerned={"touchpoint": "after-purchase", "d.location": "Lyon"}),
    }  # fmt: skip
    with ctx.ledger.write() as session:
        for problem in problems.values():
            session.add(problem)
        session.flush()
        return {name: problem.id or 0 for name, problem in problems.items()}
