"""The fields that imported files may contain, with the usual names of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nps_connect.records.imports import ImportKind


@dataclass(frozen=True)
class ImportField:
    """A field that a file may contain.

    Attributes:
        name: as in ``--column name=COLUMN``.
        label: for people.
        aliases: column names by which it is recognised, normalised with `normalize_name`, best first.
    """

    name: str
    label: str
    aliases: tuple[str, ...] = ()


_EMAIL = ImportField(
    "email",
    "the e-mail address",
    (
        "email",
        "e mail",
        "email address",
        "e mail address",
        "adresse email",
        "adresse e mail",
        "courriel",
        "adresse mail",
        "mail",
        "contact email",
        "person email",
        "customer email",
    ),
)
_NAME = ImportField(
    "name",
    "the name",
    (
        "name",
        "full name",
        "nom et prenom",
        "prenom et nom",
        "customer name",
        "contact name",
        "last name",
        "nom de famille",
        "nom",
    ),
)
_FIRST_NAME = ImportField("first_name", "the first name", ("first name", "firstname", "prenom"))
_LANGUAGE = ImportField("language", "the language", ("language", "langue", "lang", "locale"))

PEOPLE_FIELDS = (_EMAIL, _NAME, _FIRST_NAME, _LANGUAGE, ImportField("id", "the contact id at the connection"))
"""Of a campaign."""

_PERSON_ID = ImportField("person_id", "the person's id at the other tool")

RESPONSE_FIELDS = (
    _EMAIL,
    ImportField(
        "score",
        "the score, 0 to 10",
        ("score", "note", "nps", "nps score", "score nps", "note nps"),
    ),
    ImportField(
        "answered_at",
        "the date of the response",
        (
            "answered at",
            "responded at",
            "responded",
            "response date",
            "date de reponse",
            "repondu le",
            "submitted at",
            "submit date utc",
            "end date",
            "completed at",
            "created at",
            "timestamp",
            "horodateur",
            "date",
        ),
    ),
    ImportField(
        "id",
        "the response id",
        ("response id", "id reponse", "id de reponse", "identifiant", "respondent id", "id"),
    ),
    ImportField(
        "comment", "the comment", ("comment", "comments", "commentaire", "commentaires", "feedback", "verbatim")
    ),
    ImportField("contact_id", "the contact id at the connection"),
    _NAME,
    _FIRST_NAME,
    _LANGUAGE,
    ImportField("touchpoint", "the touchpoint", ("touchpoint",)),
    ImportField("status", "the kind of response"),
    ImportField("metric", "the metric that was asked for, such as nps"),
    _PERSON_ID,
    ImportField("sent_at", "the date when the survey was sent", ("sent at", "survey sent at")),
    ImportField("tags", "the tags", ("tags", "etiquettes")),
    ImportField("notes", "the notes of staff", ("notes",)),
    ImportField("follow_up", "the answers to further questions", ("additional answers", "follow up")),
    ImportField("survey", "the survey"),
    ImportField("do_not_contact", "whether the person asked not to be contacted about it"),
    ImportField("review_platforms", "the platforms of review invitations already sent"),
)

CONTACTED_FIELDS = (
    _EMAIL,
    _PERSON_ID,
    _NAME,
    _FIRST_NAME,
    _LANGUAGE,
    ImportField("sent_at", "the date of the last survey", ("last sent at", "last survey sent at", "last surveyed at")),
    ImportField("next_due_at", "the date of the next survey", ("next survey scheduled at", "next due at")),
)
SUPPRESSION_FIELDS = (
    _EMAIL,
    _PERSON_ID,
    ImportField("mailbox", "the hash of the mailbox"),
    ImportField("contact", "the contact, as connection:id"),
    ImportField("reason", "the reason", ("reason", "raison", "motif", "type")),
)
REVIEW_INVITATION_FIELDS = (
    _EMAIL,
    ImportField("platform", "the review platform", ("platform", "plateforme", "review platform")),
    ImportField("sent_at", "the date of the review invitation", ("invited at", "sent at", "date")),
)
FIELDS_BY_KIND: Mapping[ImportKind, tuple[ImportField, ...]] = {
    "responses": RESPONSE_FIELDS,
    "people": CONTACTED_FIELDS,
    "unsubscribes": SUPPRESSION_FIELDS,
    "bounces": SUPPRESSION_FIELDS,
    "suppressions": SUPPRESSION_FIELDS,
    "review_invitations": REVIEW_INVITATION_FIELDS,
}
"""The fields that the files of each kind may contain."""

TEST_STATUSES = frozenset(
    {
        "survey preview", "survey test", "survey preview spam", "offline survey preview",
        "1", "2", "9", "17",
    }
)  # fmt: skip
"""Values of the field `status` that mark a test, as Qualtrics writes them: as texts or as numbers."""
