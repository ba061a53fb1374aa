"""``nps-connect responses import``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.guarding import Failure
from nps_connect.cli.importing import columns_of, faults_json, file_options, look_at, noting, print_faults
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_facts, print_json
from nps_connect.cli.progress import progress

if TYPE_CHECKING:
    from nps_connect.flows.context import Context
    from nps_connect.flows.importing.answers import FileAnswer, Reading
    from nps_connect.flows.importing.history import History, Stored
    from nps_connect.flows.importing.scratch import Scratch
    from nps_connect.flows.importing.source import Source
    from nps_connect.rules.importing.faults import Faults

BATCH = 500
PRESETS = ("plain", "nps-connect", "asknicely", "delighted", "surveymonkey", "typeform")
EFFECTS = {
    "write_score": "scores",
    "open_ticket": "tickets",
    "send_alert": "alerts",
    "invite_review": "review invitations",
}


@click.command("import", cls=Command)
@file_options
@click.option("--survey", required=True, metavar="NAME", help="Which survey of the configuration they answer.")
@click.option("--preset", type=click.Choice(PRESETS), default="plain", show_default=True, help="Whose export it is.")
@click.option("--connection", metavar="NAME", help="Which knows these people; the one that can look them up.")
@click.option("--timezone", metavar="ZONE", help="Of moments without one; the company's if not given.")
@click.option(
    "--dates", type=click.Choice(["day-first", "month-first"]), help="How 03/04/2026 is meant; found out if possible."
)
@click.option("--write-scores", is_flag=True, help="Write each person's newest score back, by the routes that do.")
@click.option("--route", is_flag=True, help="Let each person's newest answer take every route: tickets, reviews ...")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before the answers lead to anything.")
@json_option
@pass_options
def import_(
    options: Options,
    file: Path,
    given: tuple[str, ...],
    encoding: str | None,
    delimiter: str | None,
    refused: Path | None,
    survey: str,
    preset: str,
    connection: str | None,
    timezone: str | None,
    dates: str | None,
    write_scores: bool,
    route: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take in answers from another tool, from a CSV file.

    They count in every figure, and lead to nothing by themselves. The same file again adds nothing. Fields for
    --column: email, score, answered_at, id, comment, name, first_name, language, touchpoint, contact_id.
    """
    from nps_connect.flows.importing.effects import foresee, narrowed
    from nps_connect.flows.importing.scratch import Scratch

    with options.application() as application:
        ctx = application.ctx
        history = _history(ctx, survey, connection)
        acting = narrowed(ctx, route=route, write_scores=write_scores)
        if write_scores and not any(one.do == "write_score" for one in acting.settings.routes):
            raise click.UsageError("no route of the configuration does write_score")
        source = look_at(file, encoding, delimiter)
        reading = _reading(ctx, history, source, preset, given, timezone, dates)
        with Scratch() as scratch, noting(refused) as faults:
            work = _Work(ctx, acting, history, source, reading, scratch, hidden=as_json)
            looked = work.look(faults)
            print_faults(faults, refused)
            if not looked.answers:
                raise Failure("no line of the file can be used")
            effects = foresee(acting, history, scratch)
            told = looked.told(reading, timezone)
            click.echo(told, err=True)
            if effects and not as_json:
                click.echo(f"Would lead to, at most: {_effects(effects)}.")
            stored, done = None, Counter[str]()
            if not dry_run:
                if effects:
                    ask("Go on?", yes=yes)
                stored = work.store(faults)
                done = work.carry_out() if effects else done
                if faults.total > looked.refused:
                    print_faults(faults, refused)
    if as_json:
        facts = {"survey": survey, "answers": looked.answers, "taken_before": looked.known}
        would = {"would_lead_to": dict(effects), "led_to": dict(done), "not_taken": faults_json(faults)}
        print_json({**facts, "taken": stored.told() if stored else None, **would})
    elif stored is not None:
        print_facts(stored.told().items())
        if done:
            click.echo(f"Led to: {_effects(done)}.")


def _history(ctx: Context, survey: str, connection: str | None) -> History:
    from nps_connect.flows.importing.history import History
    from nps_connect.flows.importing.people import NoOneConnection, connection_for
    from nps_connect.settings.places import nearest

    if survey not in ctx.settings.surveys:
        near = nearest(survey, list(ctx.settings.surveys))
        raise click.UsageError(f"there is no survey {survey!r}" + (f"; did you mean {near!r}?" if near else ""))
    try:
        knows = connection_for(ctx, connection, survey)
    except NoOneConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None
    return History(survey, knows, ctx.has(knows, "nps_find_contacts"))


def _reading(
    ctx: Context,
    history: History,
    source: Source,
    preset: str,
    given: tuple[str, ...],
    timezone: str | None,
    dates: str | None,
) -> Reading:
    from nps_connect.flows.importing.answers import Reading, find_order
    from nps_connect.rules.importing import columns

    who = ("email", "contact_id") if history.looks_up else ("email",)
    needed = [who, ("score",), ("answered_at",)]
    found = columns_of(source, columns.ANSWERS, given, needed=needed, preset=columns.PRESETS[preset])
    order: Any = dates
    return Reading(
        columns=found,
        tool=preset,
        survey=history.survey,
        order=order or find_order(source.rows(), found),
        zone=_zone(timezone or columns.ZONES.get(preset)) or ctx.settings.core.zone,
        now=ctx.clock(),
        by_id=history.looks_up,
    )


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter("an IANA time zone such as Europe/Paris", param_hint="--timezone") from None


@dataclass
class _Looked:
    """What a first reading found."""

    answers: int = 0
    known: int = 0
    zoneless: int = 0
    refused: int = 0

    def told(self, reading: Reading, timezone: str | None) -> str:
        told = f"{counted(self.answers, 'answer', 'answers')}, {self.known} of them taken before"
        if not self.zoneless:
            return told
        hint = "" if timezone else "; another one: --timezone"
        return f"{told}. {self.zoneless} moments without a time zone are read as {reading.zone}{hint}"


@dataclass
class _Work:
    """The readings of one file."""

    ctx: Context
    acting: Context
    history: History
    source: Source
    reading: Reading
    scratch: Scratch
    hidden: bool

    def look(self, faults: Faults) -> _Looked:
        """Read everything once; change nothing."""
        from nps_connect.flows.importing.history import known_answers
        from nps_connect.flows.importing.source import batches

        found = _Looked()
        with progress("reading", hidden=self.hidden) as told:
            for batch in batches(self._answers(faults, told), BATCH):
                found.answers += len(batch)
                found.zoneless += sum(answer.zoneless for answer in batch)
                for answer in batch:
                    self.scratch.note_answer(answer.person.fingerprint, answer.answered_at, answer.score)
                with self.ctx.ledger.read() as session:
                    found.known += len(known_answers(session, batch))
        found.refused = faults.total
        return found

    def store(self, faults: Faults) -> Stored:
        """Take everything in, batch by batch; says how far it came if it is interrupted."""
        from nps_connect.flows.importing.history import Stored, store
        from nps_connect.flows.importing.source import batches

        stored, line = Stored(), 1
        try:
            with progress("importing", hidden=self.hidden) as told:
                for batch in batches(self._again(told), BATCH):
                    store(self.ctx, self.history, batch, stored, faults)
                    line = batch[-1].line
        except BaseException:
            told_ = counted(stored.counts["new"], "answer is", "answers are")
            click.echo(f"Stopped after line {line}: {told_} taken. Run the same command again for the rest.", err=True)
            raise
        return stored

    def carry_out(self) -> Counter[str]:
        """Plan what the answers lead to, batch by batch."""
        from nps_connect.flows.importing.effects import carry_out
        from nps_connect.flows.importing.source import batches

        done: Counter[str] = Counter()
        try:
            with progress("planning", hidden=self.hidden) as told:
                for batch in batches(self._again(told), BATCH):
                    done += carry_out(self.acting, batch)
        except BaseException:
            click.echo(f"Stopped; planned so far: {_effects(done) or 'nothing'}. Run the same command again.", err=True)
            raise
        return done

    def _answers(self, faults: Faults, told: Callable[[int, int], object]) -> Iterator[FileAnswer]:
        from nps_connect.flows.importing.answers import read_answers

        return read_answers(self.source.rows(told), self.reading, self.scratch, faults)

    def _again(self, told: Callable[[int, int], object]) -> Iterator[FileAnswer]:
        """The same answers once more; their bad lines were told."""
        from nps_connect.rules.importing.faults import Faults

        return self._answers(Faults(), told)


def _effects(effects: Counter[str]) -> str:
    return ", ".join(f"{EFFECTS.get(action, action)} {number}" for action, number in sorted(effects.items()))
