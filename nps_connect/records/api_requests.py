"""Requests of the API: what the body and the query of each may hold. Unknown fields and other types are refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from operator import methodcaller
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from nps_connect.records.base import FieldValue, Score, Segment

_MOMENT = re.compile(
    r"(?:19[7-9]\d|2\d{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt]"
    r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)",
    re.ASCII,
)
_NO_CONTROL = r"^[^\x00-\x1f\x7f]+$"


def _check_moment(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Refuse what pydantic would read as a moment too, such as seconds since 1970."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _MOMENT.fullmatch(value)):
        raise ValueError("not a moment with a time zone, such as 2026-03-02T09:30:00Z, between 1970 and 2999")
    return value


ApiMoment = Annotated[
    AwareDatetime,
    Field(strict=False),  # text by now
    BeforeValidator(_check_moment),
    AfterValidator(methodcaller("astimezone", UTC)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T09:30:00Z"]}),
]
"""A moment as in RFC 3339, with its offset."""

Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROL)]
ShortName = Annotated[str, Field(min_length=1, max_length=80, pattern=_NO_CONTROL)]
Address = Annotated[str, Field(min_length=3, max_length=254, pattern=_NO_CONTROL)]
PersonName = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROL)]
LanguageTag = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=_NO_CONTROL)]
Comment = Annotated[str, Field(max_length=5000, pattern=r"^[^\x00]*$")]
FieldName = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.-]+$")]
CampaignName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.-]+$")]


class ApiModel(BaseModel):
    """Base of what the API receives and returns: frozen, without unknown fields, without conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PersonReference(ApiModel):
    """A person, by the id at the connection, the e-mail address, or both.

    Attributes:
        id: the id at the connection; without it, the address identifies the person.
        email: the address.
        name: for the salutation.
        language: BCP 47 tag, such as `fr` or `en-GB`.
    """

    id: Identifier | None = None
    email: Address | None = None
    name: PersonName | None = None
    language: LanguageTag | None = None


class EventRequest(ApiModel):
    """A fact of a source system, such as an order that was delivered.

    Attributes:
        connection: to which the event belongs.
        kind: one of the kinds that the connection has.
        object_id: id of the object, such as the order.
        occurred_at: when the fact became true; a resend has the same moment, and adds nothing.
        key: key of the fact, unique per connection; derived from kind, object and moment if not given.
        contact: whom it is about.
        fields: values for filters.
    """

    connection: ShortName
    kind: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)]
    object_id: Identifier
    occurred_at: ApiMoment
    key: Annotated[str, Field(min_length=1, max_length=400, pattern=_NO_CONTROL)] | None = None
    contact: PersonReference
    fields: Annotated[dict[FieldName, FieldValue], Field(max_length=100)] = {}


class ContactRequest(ApiModel):
    """A person as the source system knows them. Fields that are not given keep their value.

    Attributes:
        connection: to which the contact belongs: one whose plugin cannot look people up.
        id: the id at the connection.
        email: the address; null removes it.
        name: for the salutation.
        language: BCP 47 tag.
        timezone: IANA name, such as `Europe/Paris`.
        opted_out: the source system says that the person must not get such mail.
        fields: properties that filters use; all of them are replaced.
    """

    connection: ShortName
    id: Identifier
    email: Address | None = None
    name: PersonName | None = None
    language: LanguageTag | None = None
    timezone: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] | None = None
    opted_out: bool = False
    fields: Annotated[dict[FieldName, FieldValue], Field(max_length=100)] = {}


class InvitationRequest(ApiModel):
    """Ask a person, subject to the usual rules: cooldown, opt-outs, suppressions, quiet hours, daily caps.

    Attributes:
        survey: the survey.
        connection: that knows the person; may be left out where only one can look people up.
        contact: the person.
        campaign: a person is asked once per campaign.
        per_day: surveys of this campaign per day; half of `limits.surveys_per_day` if not given.
    """

    survey: ShortName
    connection: ShortName | None = None
    contact: PersonReference
    campaign: CampaignName
    per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ResponseRequest(ApiModel):
    """A response taken elsewhere. Routes apply as for one that was submitted on the survey page.

    Attributes:
        survey: the survey that it answers.
        connection: that knows the person; may be left out where only one can look people up.
        contact: the person.
        score: 0 to 10.
        collected_by: how it was taken.
        comment: the customer's own words.
        language: of the comment.
        answered_at: when it was given; now if not given.
        touchpoint: that of the survey if not given.
        do_not_contact: the customer asked not to be contacted about it.
        external_id: the id that the other system has for it: it is stored once.
    """

    survey: ShortName
    connection: ShortName | None = None
    contact: PersonReference
    score: Score
    collected_by: Literal["phone", "paper", "kiosk"]
    comment: Comment | None = None
    language: LanguageTag | None = None
    answered_at: ApiMoment | None = None
    touchpoint: ShortName | None = None
    do_not_contact: bool = False
    external_id: Identifier | None = None


class SuppressionRequest(ApiModel):
    """Stop all mail to a person who asked for it, as if they had used their unsubscribe link.

    Attributes:
        contact: an address, also one that no contact has yet, or ``connection:id``.
        reason: why, for the audit log.
    """

    contact: Annotated[str, Field(min_length=3, max_length=254, pattern=_NO_CONTROL)]
    reason: Reason


class SuppressionRemoval(SuppressionRequest):
    """Let a person be contacted again.

    Attributes:
        has_consent: the person has agreed to get mail again: without it, an opt-out or a complaint is not ended.
    """

    has_consent: bool = False


class PageQuery(ApiModel):
    """Which page of a list.

    Attributes:
        limit: number of items.
        cursor: the `next_cursor` of the page before.
    """

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[A-Za-z0-9_-]+$")] | None = None


class ResponseQuery(PageQuery):
    """Which responses, newest first.

    Attributes:
        survey: only this survey.
        segment: only this segment.
        connection: only people of this connection.
        contact: only this person: an address or ``connection:id``; needs the scope `people`.
        since: answered at this moment or later.
        until: answered before this moment.
    """

    survey: ShortName | None = None
    segment: Segment | None = None
    connection: ShortName | None = None
    contact: ShortName | None = None
    since: ApiMoment | None = None
    until: ApiMoment | None = None


class NpsQuery(ApiModel):
    """Which responses count.

    Attributes:
        survey: only this survey.
        since: answered at this moment or later.
        until: answered before this moment.
        latest: count only the latest response of each contact.
    """

    survey: ShortName | None = None
    since: ApiMoment | None = None
    until: ApiMoment | None = None
    latest: bool = False


class DecisionQuery(PageQuery):
    """Which decisions, newest first.

    Attributes:
        connection: of the contact.
    """

    connection: ShortName


class SuppressionQuery(PageQuery):
    """Which suppressions, newest first.

    Attributes:
        contact: only this person: an address or ``connection:id``; needs the scope `people`.
        reason: only this reason.
    """

    contact: ShortName | None = None
    reason: Literal["opted_out", "bounced", "erased", "objected", "unconfirmed"] | None = None
