"""The ``[connections.<name>]`` table of the plugin, with its signature and its mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from nps_connect import STORED_HEADER, ConnectionSettings
from nps_connect.builtin.webhook.expressions import compile_expression
from nps_connect.builtin.webhook.sender_settings import OutgoingSettings
from nps_connect.builtin.webhook.signature_settings import HeaderName, SignatureSettings, StrictTable

MAX_MAPPINGS = 50
MAX_FIELDS = 60
MAX_KINDS = 50

REPEATED_KINDS = frozenset({"subscription.renewed"})
"""Well-known kinds that one object has several times."""


def _validate_expression(text: str) -> str:
    compile_expression(text)
    return text


def _validate_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("not a time zone such as Europe/Paris") from None
    return name


Expression = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_validate_expression)]
"""A JMESPath expression (https://jmespath.org/specification.html)."""

KindName = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)]
"""A noun and a verb, such as ``order.paid``."""

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""Name of a field, as filters write it."""


class KindSettings(StrictTable):
    """A kind of event that depends on the payload or on a header.

    Attributes:
        header: the header whose value is looked up in `values`; one that begins with ``X-``.
        expression: the JMESPath expression whose value is looked up in `values`.
        values: kind of event by value; other values are not mapped.
    """

    header: HeaderName | None = None
    expression: Expression | None = None
    values: dict[str, KindName] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if (self.header is None) == (self.expression is None):
            raise ValueError("exactly one of header and expression says where the value is")
        if self.header is not None:
            _check_is_stored(self.header)
        return self


class MomentSettings(StrictTable):
    """A moment of the payload whose form needs to be told.

    Attributes:
        expression: JMESPath expression of an ISO 8601 text or of epoch seconds or milliseconds.
        zone: IANA time zone of texts without an offset.
    """

    expression: Expression
    zone: Annotated[str, AfterValidator(_validate_zone)]


class PersonSettings(StrictTable):
    """JMESPath expressions of the person's attributes; without an id, the id is derived from the mailbox.

    Attributes:
        id: the source's id of the person.
        email: the address.
        name: the name for the salutation; of a list of texts, those that are present are joined by spaces.
        language: a language tag such as ``fr`` or ``fr-CA``.
    """

    id: Expression | None = None
    email: Expression | None = None
    name: Expression | None = None
    language: Expression | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.id is None and self.email is None:
            raise ValueError("a person needs an id or an email")
        return self


class FieldSettings(StrictTable):
    """A field for filters.

    Attributes:
        expression: JMESPath expression of its value.
        type: text, number, boolean or moment; values that do not fit are left out.
    """

    expression: Expression
    type: Literal["text", "number", "boolean", "moment"] = "text"


class ConditionSettings(StrictTable):
    """Which payloads are meant; without any condition, all.

    Attributes:
        headers: values of headers (one or several each), of headers whose names begin with ``X-``.
        when: JMESPath expression whose value is neither false nor empty.
    """

    headers: dict[HeaderName, str | tuple[str, ...]] = Field(default_factory=dict)
    when: Expression | None = None

    @model_validator(mode="after")
    def _check_headers(self) -> Self:
        for name in self.headers:
            _check_is_stored(name)
        return self


class MappingSettings(ConditionSettings):
    """What one kind of payload means.

    Attributes:
        headers: values of headers (one or several each) by which the mapping applies; names begin with ``X-``.
        when: JMESPath expression; the mapping applies if its value is neither false nor empty. With `items`, it is
            applied to each item.
        items: JMESPath expression of a list: each item is one event. All other expressions, `when` too, are then
            applied to the item, which has the whole payload as ``_payload``.
        kind: the kind of event, or a table that says where it is.
        object_id: the source's id of the object, such as the order.
        occurrence: what distinguishes two events of one kind about one object, such as the start of the renewed period;
            without it, an object has one event of each kind.
        occurred_at: when it happened; without it, the moment of receipt.
        person: whom it is about.
        fields: fields for filters, by name.
        sample: file with an example payload, relative to the configuration file; checks apply the mapping to it.
    """

    items: Expression | None = None
    kind: KindName | KindSettings
    object_id: Expression
    occurrence: Expression | None = None
    occurred_at: Expression | MomentSettings | None = None
    person: PersonSettings
    fields: dict[FieldName, Expression | FieldSettings] = Field(default_factory=dict, max_length=MAX_FIELDS)
    sample: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check_repetition(self) -> Self:
        if "contact.merged" in self.kinds:
            raise ValueError("contact.merged names two people, which a mapping cannot")
        if self.occurrence is not None:
            return self
        if repeated := next((kind for kind in self.kinds if kind in REPEATED_KINDS), None):
            raise ValueError(f"{repeated} happens again and again to one object: set occurrence, such as its period")
        if self.object_id == self.person.id and not all(kind.startswith("contact.") for kind in self.kinds):
            raise ValueError("object_id is the person's id, so each person would have one event: set occurrence")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of event that the mapping can give."""
        return (self.kind,) if isinstance(self.kind, str) else tuple(dict.fromkeys(self.kind.values.values()))

    def field(self, name: str) -> FieldSettings:
        """Return the expression and type of a field."""
        value = self.fields[name]
        return FieldSettings(expression=value) if isinstance(value, str) else value


class IncomingSettings(StrictTable):
    """Webhooks that are received.

    Attributes:
        signature: how the source signs; required.
        mappings: what payloads mean; the first that applies is used. Without any, all payloads are kept, to learn from.
        ignored: payloads that no mapping reads and that are of no interest. Others that no mapping reads are kept and
            reported.
    """

    signature: SignatureSettings
    mappings: tuple[MappingSettings, ...] = Field(default=(), max_length=MAX_MAPPINGS)
    ignored: tuple[ConditionSettings, ...] = Field(default=(), max_length=MAX_MAPPINGS)


class WebhookSettings(ConnectionSettings):
    """A source that is connected by configuration alone.

    Attributes:
        incoming: webhooks that are received; needs ``events = "webhook"``.
        outgoing: webhooks that are sent.
        kinds: kinds of event that arrive by the HTTP API or by hand, each with the types of its fields.
    """

    incoming: IncomingSettings | None = None
    outgoing: OutgoingSettings | None = None
    kinds: dict[KindName, dict[FieldName, Literal["text", "number", "boolean", "moment"]]] = Field(
        default_factory=dict, max_length=MAX_KINDS
    )

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.events == "webhook" and self.incoming is None:
            raise ValueError('events = "webhook" needs the table incoming, with a signature and mappings')
        if self.incoming is not None and "events" not in self.model_fields_set:
            raise ValueError('the table incoming needs events = "webhook", or "none" to receive nothing for now')
        return self

    @property
    def mappings(self) -> Iterator[MappingSettings]:
        """The mappings, in order."""
        yield from self.incoming.mappings if self.incoming else ()


def _check_is_stored(header: str) -> None:
    """Refuse headers that are not stored with the request: the payload is read later.

    Raises:
        ValueError: the header is not stored.
    """
    if not STORED_HEADER.fullmatch(header):
        raise ValueError(f"the header {header} is not stored: only those that begin with X- and hold no credential are")
