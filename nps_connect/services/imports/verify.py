"""Compare what an import stored with its files: the NPS of each month, and that no opted-out mailbox is reached."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.responses import segment_of
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.context import Context
from nps_connect.services.imports.archive import SUPPRESSION_KINDS, ArchiveFile, build_parser
from nps_connect.services.imports.campaign import Campaign
from nps_connect.services.imports.contact_rows import ImportedSuppression, read_suppressions
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.dry_run import ERASED, run_dry_run
from nps_connect.services.imports.import_file import iter_batches
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.people_index import PeopleIndex
from nps_connect.services.imports.response_rows import read_responses
from nps_connect.services.imports.second_reader import parse_time, pick, read_raw
from nps_connect.services.imports.store_suppressions import load_suppressed

Definition = Literal["all", "latest"]
"""Which responses count: all, or the latest of each person (in each month, and in the whole period)."""

BATCH_SIZE = 500
WHOLE_PERIOD = "total"
BLOCKED_REASONS = frozenset({"suppressed", ERASED})
_INTEGER = re.compile(r"-?\d+")


class Answer(NamedTuple):
    """One answer for the NPS."""

    person: str
    at: datetime
    score: int


@dataclass
class Comparison:
    """The result of a verification.

    Attributes:
        files: number of answers by month and segment, recounted from the files.
        ledger: the same of the stored responses.
        unreadable: answers of the files whose time the second reader cannot read.
        opted_out: rows of the files with the mailbox of somebody who must not be contacted.
        reachable: lines of those that a campaign of everybody would reach, with the file.
        unidentified: lines of opted-out people that name neither an address nor a person of the files, with the file.
        without_texts: stored responses without the comment, notes or further answers that the files have.
    """

    files: dict[str, Counter[str]]
    ledger: dict[str, Counter[str]]
    unreadable: int = 0
    opted_out: int = 0
    reachable: list[tuple[str, int]] = field(default_factory=list)
    unidentified: list[tuple[str, int]] = field(default_factory=list)
    without_texts: int = 0

    @property
    def differing(self) -> list[str]:
        """Months whose numbers differ."""
        months = sorted(self.files.keys() | self.ledger.keys())
        return [month for month in months if self.files.get(month) != self.ledger.get(month)]

    def is_equal(self) -> bool:
        """Whether everything that was imported is there, and nobody who opted out is or could be reached."""
        return not (self.differing or self.unreadable or self.reachable or self.unidentified)


def nps_of(counts: Mapping[str, int]) -> float | None:
    """Return the NPS of numbers by segment; None without any."""
    total = sum(counts.values())
    return 100 * (counts.get("promoter", 0) - counts.get("detractor", 0)) / total if total else None


def verify_import(
    ctx: Context, target: ImportTarget, files: Sequence[ArchiveFile], definition: Definition
) -> Comparison:
    """Recount the files with the second reader, and compare with the ledger; changes nothing.

    Args:
        ctx: the application context.
        target: where the responses were imported to.
        files: of the archive.
        definition: which responses count.
    """
    zone = ctx.settings.core.zone
    addresses = dict(_raw_addresses(file for file in files if file.layout.kind == "people"))
    responses = [file for file in files if file.layout.kind == "responses"]
    unreadable: list[int] = []
    ids: set[str] = set()
    raw = [answer for file in responses for answer in _raw_answers(file, addresses, zone, unreadable, ids)]
    with PeopleIndex() as people, DedupStore() as dedup_store:
        for file in files:
            if file.layout.kind == "people":
                people.add(file.file.rows(), file.columns)
        without_texts: list[str] = []
        stored = [
            answer
            for file in responses
            for answer in _stored_answers(ctx, target, file, people, dedup_store, without_texts)
        ]
    comparison = Comparison(_count(raw, definition), _count(stored, definition), len(unreadable))
    comparison.without_texts = len(without_texts)
    for file in files:
        if file.layout.kind in SUPPRESSION_KINDS:
            _check_opt_outs(ctx, target, file, addresses, comparison)
    return comparison


def _names(file: ArchiveFile) -> dict[str, list[str]]:
    """Return the names of the columns of each field, best first."""
    names = file.columns.index_by_field
    return {name: [file.file.header[index] for index in file.columns.indexes(name)] for name in names}


def _raw_addresses(files: Iterable[ArchiveFile]) -> Iterator[tuple[str, str]]:
    for file in files:
        names = _names(file)
        for row in read_raw(file.file.path):
            yield pick(row, names.get("person_id", ())), pick(row, names.get("email", ()))


def _raw_answers(
    file: ArchiveFile, addresses: Mapping[str, str], zone: tzinfo, unreadable: list[int], ids: set[str]
) -> Iterator[Answer]:
    """Yield the answers for the NPS that a file has, each id of all files once, by the second reader."""
    names, source_zone = _names(file), file.moments.zone or zone
    for number, row in enumerate(read_raw(file.file.path)):
        values = {name: pick(row, columns) for name, columns in names.items()}
        scores = _INTEGER.findall(values.get("score", ""))
        is_nps = values.get("metric", "").lower() in ("", "nps", "nps-0-10")
        if not is_nps or len(scores) != 1 or not 0 <= int(scores[0]) <= 10 or values.get("id", "") in ids:
            continue
        try:
            moment = parse_time(values["answered_at"], source_zone, file.moments.day_order).astimezone(zone)
        except (ValueError, OverflowError):
            unreadable.append(number)
            continue
        ids |= {values["id"]} if values.get("id") else set()
        person = values.get("person_id", "")
        yield Answer(values.get("email") or addresses.get(person) or person, moment, int(scores[0]))


def _stored_answers(
    ctx: Context,
    target: ImportTarget,
    file: ArchiveFile,
    people: PeopleIndex,
    dedup_store: DedupStore,
    without_texts: list[str],
) -> Iterator[Answer]:
    """Yield the stored responses of a file, found by their ids; those of an earlier file are left out.

    Args:
        ctx: the application context.
        target: where the responses were imported to.
        file: of responses.
        people: of the archive.
        dedup_store: records the rows of all files.
        without_texts: gets the ids of stored responses that lack texts of the file.
    """
    zone = ctx.settings.core.zone
    parser = build_parser(ctx, target, file, people)
    columns = col(ResponseRow.answered_at), col(ResponseRow.score), col(ContactRow.mailbox), col(ContactRow.id)
    texts = col(ResponseRow.public_id), col(ResponseRow.comment), col(ResponseRow.notes), col(ResponseRow.follow_up)
    query = select(*columns, *texts).join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    query = query.where(in_list(col(ResponseRow.public_id), "ids"))
    dedup_store.begin_file(str(file.file.path))
    responses = read_responses(file.file.rows(), parser, dedup_store, RowErrors())
    for batch in iter_batches(responses, BATCH_SIZE):
        with ctx.ledger.read() as session:
            rows = session.execute(query, {"ids": [response.public_id for response in batch]}).all()
        response_by_id = {response.public_id: response for response in batch}
        for answered_at, score, mailbox, contact_id, public_id, comment, notes, follow_up in rows:
            response = response_by_id[public_id]
            if bool(response.comment or response.notes or response.follow_up) > bool(comment or notes or follow_up):
                without_texts.append(public_id)
            yield Answer(mailbox or str(contact_id), answered_at.astimezone(zone), score)


def _count(answers: Iterable[Answer], definition: Definition) -> dict[str, Counter[str]]:
    """Return the number of answers by month and segment, and of the whole period."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    latest: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        for month in (f"{answer.at:%Y-%m}", WHOLE_PERIOD):
            if definition == "all":
                counts[month][segment_of(answer.score)] += 1
            else:
                key = month, answer.person.strip().casefold()
                if key not in latest or latest[key][1:] <= answer[1:]:
                    latest[key] = answer
    for (month, _), answer in latest.items():
        counts[month][segment_of(answer.score)] += 1
    return dict(counts)


def _check_opt_outs(
    ctx: Context, target: ImportTarget, file: ArchiveFile, addresses: Mapping[str, str], comparison: Comparison
) -> None:
    """Find the opted-out mailboxes of a file that a campaign of everybody would reach."""
    names = _names(file)
    if "mailbox" in names:
        _check_hashes(ctx, file, comparison)
        return
    people = []
    for number, row in enumerate(read_raw(file.file.path), start=1 if file.file.delimiter is None else 2):
        address = pick(row, names.get("email", ())) or addresses.get(pick(row, names.get("person_id", ())))
        if address is None:
            comparison.unidentified.append((file.name, number))
        elif "@" in address:
            people.append(ImportedPerson(number, address, None, None, None))
    comparison.opted_out += len(people)
    blocked: set[int] = set()

    def record(error: RowError) -> None:
        if error.reason in BLOCKED_REASONS:
            blocked.add(error.line)

    campaign = Campaign(
        name="verify-import",
        survey=target.survey,
        connection=ctx.settings.surveys[target.survey].channel,
        lookup_enabled=False,
        per_day=ctx.settings.limits.surveys_per_day,
        shadow=ctx.shadow,
        at=ctx.clock(),
    )
    with DedupStore() as dedup_store:
        run_dry_run(ctx, campaign, people, dedup_store, record)
    comparison.reachable += [(file.name, person.line) for person in people if person.line not in blocked]


def _check_hashes(ctx: Context, file: ArchiveFile, comparison: Comparison) -> None:
    """Find the suppressions of another installation, which has no addresses, that are not stored."""
    with DedupStore() as dedup_store:
        rows = read_suppressions(file.file.rows(), file.columns, dedup_store, RowErrors(), default_reason=None)
        for batch in iter_batches((row for row in rows if row.mailbox), BATCH_SIZE):
            with ctx.ledger.read() as session:
                stored: set[ImportedSuppression] = load_suppressed(session, batch)
            comparison.opted_out += len(batch)
            comparison.reachable += [(file.name, row.line) for row in batch if row not in stored]
