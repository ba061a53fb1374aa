"""Layouts of files from other tools, and the recognition of a file by its columns.

Column names are from the documentation of the tools and from public samples. Where a tool names columns after its
questions, score and comment need ``--column``. Plugins add the layouts of their vendors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nps_connect.records.imports import ImportKind, ImportLayout
from nps_connect.rules.imports.columns import find_columns, nearest_column, normalize_name
from nps_connect.rules.imports.fields import RESPONSE_FIELDS

PLAIN = "plain"
OWN = "nps-connect"

_OWN_RESPONSE = (
    "id", "email", "name", "score", "comment", "answered_at", "language", "touchpoint",
    "survey", "sent_at", "tags", "notes", "follow_up", "do_not_contact", "review_platforms",
)  # fmt: skip

LAYOUTS = (
    ImportLayout(source=PLAIN, kind="responses", recognized_by=("score",)),
    ImportLayout(source=PLAIN, kind="review_invitations", recognized_by=("platform",)),
    ImportLayout(source=PLAIN, kind="suppressions", recognized_by=("email", "reason")),
    ImportLayout(source=PLAIN, kind="people", recognized_by=("last_sent_at",)),
    ImportLayout(source=PLAIN, kind="people", recognized_by=("next_due_at",)),
    ImportLayout(source=PLAIN, kind="unsubscribes", recognized_by=("unsubscribed_at",)),
    ImportLayout(source=PLAIN, kind="bounces", recognized_by=("bounced_at",)),
    ImportLayout(
        source=OWN,
        kind="responses",
        columns={**{name: (name,) for name in _OWN_RESPONSE}, "metric": ("scale",), "person_id": ("contact",)},
        recognized_by=("id", "survey", "scale", "score", "answered_at"),
    ),
    ImportLayout(
        source=OWN,
        kind="suppressions",
        columns={name: (name,) for name in ("mailbox", "contact", "reason")},
        recognized_by=("mailbox", "contact", "reason"),
    ),
    ImportLayout(
        source="asknicely",
        kind="responses",
        columns={
            "id": ("response_id",),
            "email": ("email",),
            "name": ("name",),
            "person_id": ("contact_id", "person_id"),
            "score": ("answer",),
            "comment": ("comment",),
            "answered_at": ("responded",),
            "sent_at": ("sent",),
            "notes": ("note",),
            "metric": ("question_type",),
        },
        recognized_by=("response_id", "answer", "responded"),
    ),
    ImportLayout(
        source="asknicely",
        kind="unsubscribes",
        columns={"email": ("email",)},
        recognized_by=("email", "unsubscribetime"),
    ),
    ImportLayout(
        source="delighted",
        kind="responses",
        columns={
            "id": ("id",),
            "email": ("email", "person.email", "person_email"),
            "name": ("name", "person.name"),
            "person_id": ("person", "person.id"),
            "language": ("person_properties.locale",),
            "score": ("score",),
            "comment": ("comment",),
            "answered_at": ("created_at",),
            "metric": ("survey_type",),
            "tags": ("tags",),
            "notes": ("notes",),
            "follow_up": ("additional_answers",),
        },
        recognized_by=("id", "score", "created_at"),
    ),
    *(
        ImportLayout(
            source="delighted",
            kind="people",
            columns={
                "person_id": ("id",),
                "email": ("email",),
                "name": ("name",),
                "sent_at": ("last_sent_at",),
                "next_due_at": ("next_survey_scheduled_at",),
            },
            recognized_by=columns,
        )
        for columns in (("id", "last_sent_at"), ("id", "email", "created_at"))
    ),
    ImportLayout(
        source="delighted",
        kind="unsubscribes",
        columns={"email": ("email",), "person_id": ("person_id",)},
        recognized_by=("unsubscribed_at",),
    ),
    ImportLayout(
        source="delighted",
        kind="bounces",
        columns={"email": ("email",), "person_id": ("person_id",)},
        recognized_by=("bounced_at",),
    ),
    ImportLayout(
        source="qualtrics",
        kind="responses",
        columns={
            "id": ("ResponseId",),
            "email": ("RecipientEmail",),
            "first_name": ("RecipientFirstName",),
            "name": ("RecipientLastName",),
            "answered_at": ("RecordedDate",),
            "language": ("UserLanguage",),
            "status": ("Status",),
        },
        recognized_by=("ResponseId", "RecordedDate"),
    ),
    ImportLayout(
        source="retently",
        kind="responses",
        columns={
            "id": ("id",),
            "email": ("email",),
            "person_id": ("customerId",),
            "first_name": ("firstName",),
            "name": ("lastName",),
            "score": ("score",),
            "comment": ("comment",),
            "answered_at": ("createdDate",),
            "metric": ("metricsType",),
            "touchpoint": ("campaignName",),
            "tags": ("feedbackTags", "feedbackTagsNew"),
            "notes": ("notes",),
            "follow_up": ("additionalQuestions",),
        },
        recognized_by=("id", "score", "createdDate", "metricsType"),
    ),
    ImportLayout(
        source="surveymonkey",
        kind="responses",
        columns={"id": ("Respondent ID",), "email": ("Email Address",), "answered_at": ("End Date",)},
        recognized_by=("Respondent ID", "End Date"),
    ),
    ImportLayout(
        source="typeform",
        kind="responses",
        columns={"id": ("#",), "answered_at": ("Submit Date (UTC)",), "tags": ("Tags",)},
        recognized_by=("#", "Submit Date (UTC)"),
        zone="UTC",
    ),
)


def sources(layouts: Iterable[ImportLayout]) -> list[str]:
    """Return the names of the sources, sorted."""
    return sorted({layout.source for layout in layouts})


def find_layout(layouts: Sequence[ImportLayout], source: str, kind: ImportKind) -> ImportLayout:
    """Return the layout of a kind of file, for a file whose kind is given; an empty one if the source has none."""
    fitting = (layout for layout in layouts if (layout.source, layout.kind) == (source, kind))
    return next(fitting, ImportLayout(source=source, kind=kind))


def recognize_layout(layouts: Sequence[ImportLayout], source: str, header: Sequence[str]) -> ImportLayout | None:
    """Return the layout of a source that a file has, by its columns: the one with the most of them, or None."""
    names = set(map(normalize_name, header))
    fitting = [layout for layout in _of_source(layouts, source) if not _missing(layout, names)]
    if not fitting and source == PLAIN:  # whose columns have names of any language
        columns = find_columns(header, RESPONSE_FIELDS, {}, {})
        return find_layout(layouts, PLAIN, "responses") if not columns.missing("score", "answered_at") else None
    return max(fitting, key=lambda layout: len(layout.recognized_by), default=None)


def describe_mismatch(layouts: Sequence[ImportLayout], source: str, header: Sequence[str]) -> str:
    """Return which columns a file lacks to be recognised, with the nearest of its own."""
    names = set(map(normalize_name, header))
    sentences = []
    for layout in sorted(_of_source(layouts, source), key=lambda layout: len(_missing(layout, names))):
        missing = [f"{column!r}{nearest_column(column, header)}" for column in _missing(layout, names)]
        sentences.append(f"{layout.kind} without {', '.join(missing)}")
    return "; ".join(sentences)


def _of_source(layouts: Sequence[ImportLayout], source: str) -> list[ImportLayout]:
    return [layout for layout in layouts if layout.source == source and layout.recognized_by]


def _missing(layout: ImportLayout, names: set[str]) -> list[str]:
    return [column for column in layout.recognized_by if normalize_name(column) not in names]
