"""An archive: the files of another tool, read and stored step by step, opt-outs first.

Every step can be repeated: what is stored already is left unchanged, so an interrupted import has the same end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import InvitationRow
from nps_connect.records.imports import ImportKind, ImportLayout
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.layouts import OWN
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.context import Context
from nps_connect.services.imports import contact_rows, response_rows
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import ByteProgress, ImportFile
from nps_connect.services.imports.match_contacts import ImportTarget, invitation_public_id
from nps_connect.services.imports.moments import MomentParser
from nps_connect.services.imports.people_index import PeopleIndex
from nps_connect.services.imports.store_invitations import INVITATION_TOTALS, store_invitations
from nps_connect.services.imports.store_responses import TOTALS, preview_responses, store_responses
from nps_connect.services.imports.store_suppressions import (
    load_suppressed,
    store_review_invitations,
    store_suppressions,
)

REASON_BY_KIND: Mapping[ImportKind, str] = {"unsubscribes": "opted_out", "bounces": "bounced"}
"""Reason of files whose rows have none."""

SUPPRESSION_KINDS: tuple[ImportKind, ...] = ("unsubscribes", "bounces", "suppressions")

DEDUP_RULES = {
    "suppressions": "one per mailbox and reason; suppressed ones are left unchanged",
    "invitations": "one per person and moment of sending",
    "review_invitations": "one per mailbox and platform; the latest decides when the cooldown ends",
    "responses": "one per id of the tool; without an id, one per survey, person and moment of the response",
}
"""What counts as the same, by step."""


@dataclass(frozen=True)
class ArchiveFile:
    """One recognised file.

    Attributes:
        layout: its kind, and the tool that wrote it.
        file: the opened file.
        columns: the fields of its columns.
        moments: parser of its moments.
        answer_columns: index by name of the columns that are answers to further questions.
    """

    layout: ImportLayout
    file: ImportFile
    columns: ColumnMapping
    moments: MomentParser
    answer_columns: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.path.name


@dataclass(frozen=True)
class ImportStep:
    """What is read from one file and stored.

    Attributes:
        name: a key of `DEDUP_RULES`.
        file: the file.
        read: yields the rows; takes the collector of errors and the function that is called with the progress.
        store: stores a batch; takes the totals and the collector of errors.
        preview: number of the rows of a batch by what an import would do with them, as in `store`: `already_imported`
            are stored already, `only_scheduled` have nothing but a cooldown, and new ones lose their texts as
            `comments_dropped`.
        totals: names of the totals that are always shown.
    """

    name: str
    file: ArchiveFile
    read: Callable[[RowErrors, ByteProgress], Iterator[Any]]
    store: Callable[[list[Any], Counter[str], RowErrors], None]
    preview: Callable[[Session, Sequence[Any]], Mapping[str, int]]
    totals: tuple[str, ...]


def order_files(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """Return the files in the order in which they are imported: an interrupted import has stopped the opt-outs."""
    order: tuple[ImportKind, ...] = (*SUPPRESSION_KINDS, "people", "review_invitations", "responses")
    return sorted(files, key=lambda file: order.index(file.layout.kind))


def build_steps(
    ctx: Context, target: ImportTarget, files: Sequence[ArchiveFile], dedup_store: DedupStore, people: PeopleIndex
) -> list[ImportStep]:
    """Return the steps of an import.

    Args:
        ctx: the application context.
        target: where responses and invitations belong.
        files: of the archive.
        dedup_store: records the rows of all files.
        people: filled with the people of the archive.
    """
    for file in files:
        if file.layout.kind == "people":
            people.add(file.file.rows(), file.columns)
    steps: list[ImportStep] = []
    for file in order_files(files):
        kind = file.layout.kind
        if kind in SUPPRESSION_KINDS:
            steps.append(suppression_step(ctx, file, dedup_store, people, REASON_BY_KIND.get(kind)))
        elif kind == "people":
            steps.append(_people_step(ctx, target, file, dedup_store, people))
        elif kind == "review_invitations":
            steps.append(_review_step(ctx, file, dedup_store))
        else:
            parser = build_parser(ctx, target, file, people)
            if "sent_at" in file.columns.index_by_field:
                steps.append(_unanswered_step(ctx, target, file, parser, dedup_store))
            steps.append(_response_step(ctx, target, file, parser, dedup_store))
    return steps


def repeated_steps(steps: Sequence[ImportStep]) -> list[ImportStep]:
    """Return the steps to repeat at the end: opt-outs concern also the contacts that other steps have created."""
    stops = [step for step in steps if step.name == "suppressions"]
    return stops if len(stops) < len(steps) else []


def suppression_step(
    ctx: Context,
    file: ArchiveFile,
    dedup_store: DedupStore,
    people: PeopleIndex | None,
    default_reason: str | None,
) -> ImportStep:
    """Return the step for a file of people who must not be contacted."""
    source = f"import:{file.layout.source}"

    def read(errors: RowErrors, on_progress: ByteProgress) -> Iterator[contact_rows.ImportedSuppression]:
        dedup_store.begin_file(str(file.file.path))
        rows = file.file.rows(on_progress)
        yield from contact_rows.read_suppressions(
            rows, file.columns, dedup_store, errors, default_reason=default_reason, people=people
        )

    return ImportStep(
        "suppressions",
        file,
        read,
        lambda batch, totals, errors: store_suppressions(ctx, batch, totals, errors, source=source),
        lambda session, batch: {"already_imported": len(load_suppressed(session, batch))},
        (*contact_rows.REASONS, "already_suppressed"),
    )


def build_parser(
    ctx: Context, target: ImportTarget, file: ArchiveFile, people: PeopleIndex | None = None
) -> response_rows.ResponseParser:
    """Return the parser of a file of responses."""
    return response_rows.ResponseParser(
        columns=file.columns,
        tool=file.layout.source,
        survey=target.survey,
        moments=file.moments,
        allow_ids=target.lookup_enabled,
        people=people,
        answer_columns=file.answer_columns,
        other_surveys=ctx.settings.surveys.keys() - {target.survey},
        is_escaped=file.layout.source == OWN and file.file.delimiter is not None,
    )


def _people_step(
    ctx: Context, target: ImportTarget, file: ArchiveFile, dedup_store: DedupStore, people: PeopleIndex
) -> ImportStep:
    parser = contact_rows.InvitationParser(file.columns, file.layout.source, file.moments, people)

    def read(errors: RowErrors, on_progress: ByteProgress) -> Iterator[contact_rows.ImportedInvitation]:
        dedup_store.begin_file(str(file.file.path))
        yield from contact_rows.read_invitations(file.file.rows(on_progress), parser, dedup_store, errors)

    return _invitation_step(ctx, target, file, read)


def _unanswered_step(
    ctx: Context,
    target: ImportTarget,
    file: ArchiveFile,
    parser: response_rows.ResponseParser,
    dedup_store: DedupStore,
) -> ImportStep:
    def read(_errors: RowErrors, on_progress: ByteProgress) -> Iterator[contact_rows.ImportedInvitation]:
        dedup_store.begin_file(str(file.file.path))
        yield from contact_rows.read_unanswered(file.file.rows(on_progress), parser, dedup_store)

    return _invitation_step(ctx, target, file, read)


def _invitation_step(
    ctx: Context,
    target: ImportTarget,
    file: ArchiveFile,
    read: Callable[[RowErrors, ByteProgress], Iterator[contact_rows.ImportedInvitation]],
) -> ImportStep:
    return ImportStep(
        "invitations",
        file,
        read,
        lambda batch, totals, errors: store_invitations(ctx, target, batch, totals, errors),
        _preview_invitations,
        INVITATION_TOTALS,
    )


def _preview_invitations(session: Session, batch: Sequence[contact_rows.ImportedInvitation]) -> dict[str, int]:
    public_ids = [invitation_public_id(invitation.key) for invitation in batch if invitation.sent_at is not None]
    query = select(col(InvitationRow.id)).where(in_list(col(InvitationRow.public_id), "ids"))
    existing = len(session.execute(query, {"ids": public_ids}).all())
    return {"already_imported": existing, "only_scheduled": len(batch) - len(public_ids)}


def _review_step(ctx: Context, file: ArchiveFile, dedup_store: DedupStore) -> ImportStep:
    platforms = {route.via for route in ctx.settings.routes if route.do == "invite_review"}

    def read(errors: RowErrors, on_progress: ByteProgress) -> Iterator[contact_rows.ImportedReviewInvitation]:
        dedup_store.begin_file(str(file.file.path))
        yield from contact_rows.read_review_invitations(
            file.file.rows(on_progress), file.columns, file.moments, platforms, dedup_store, errors
        )

    return ImportStep(
        "review_invitations",
        file,
        read,
        lambda batch, totals, errors: store_review_invitations(ctx, batch, totals, errors),
        lambda _session, _batch: {},
        ("new",),
    )


def _response_step(
    ctx: Context,
    target: ImportTarget,
    file: ArchiveFile,
    parser: response_rows.ResponseParser,
    dedup_store: DedupStore,
) -> ImportStep:
    def read(errors: RowErrors, on_progress: ByteProgress) -> Iterator[response_rows.ImportedResponse]:
        dedup_store.begin_file(str(file.file.path))
        yield from response_rows.read_responses(file.file.rows(on_progress), parser, dedup_store, errors)

    return ImportStep(
        "responses",
        file,
        read,
        lambda batch, totals, errors: store_responses(ctx, target, batch, totals, errors),
        lambda session, batch: preview_responses(ctx, session, batch),
        TOTALS,
    )
