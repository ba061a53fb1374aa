"""Generator of the page about kinds of events: those that the core acts upon, and those that sources share."""

from __future__ import annotations

from collections.abc import Iterable

from nps_connect.records.connectors import EventKind
from nps_connect.records.event_kinds import LIFECYCLE_EVENT_KINDS, WELL_KNOWN_EVENT_KINDS

INTRODUCTION = """# Event kinds

An event is a fact of a vendor: *ticket 17 was solved at 14:02*. Its kind is a noun and a verb, such as `ticket.solved`.
A plugin declares each kind that it can give as an `EventKind`, with the fields that are always known.

Use a kind of this page where it fits. Triggers, filters and reports then work the same with every vendor. Other kinds
are free; a noun and a verb in lower case.

The key of an event is computed by `fact_key(kind, object_id, moment)`. `moment` is when the fact became true at the
vendor, not when you heard of it. So webhook, poll and replay of one fact give one event."""

CORE = """## Kinds that the core acts upon

The core follows these kinds even if no trigger names them."""

TICKETS = """The fields of a ticket event are those that the case shows:

| field | unit | meaning |
| --- | --- | --- |
| `is_open` | true or false | whether the ticket is open when the event is completed |
| `agent_name` | text | name of the agent who has the ticket at that time; left out if nobody has it |
| `first_reply_minutes` | calendar minutes | from creation to first reply; left out if there was none |
| `solve_minutes` | calendar minutes | from the creation to the solution; left out: computed from our own times |

`contact.privacy_deleted` means that the vendor told us of an erasure. `contact.erased` is the opposite direction: we
erased a person, and tell systems that receive [webhooks](../webhooks.md). A plugin never gives `contact.erased`."""

SHARED = """## Kinds that sources share

These kinds start surveys only. Sources without a plugin of their own, such as shops behind the `webhook` plugin, use
the same names and fields."""

FIELDS = """## Field types

| type | Python | note |
| --- | --- | --- |
| `text` | `str` | |
| `number` | `int` or `float` | durations are minutes, in a field whose name ends in `_minutes` |
| `boolean` | `bool` | |
| `moment` | `str` in ISO 8601 with an offset | compared as a time in filters: `closed_at > d"2026-01-31T09:00:00Z"` |

A field that the vendor does not have is left out. It is never guessed, and never an empty text."""


def render_page() -> str:
    """Return the page as Markdown."""
    sections = [
        INTRODUCTION,
        CORE,
        render_table(LIFECYCLE_EVENT_KINDS),
        TICKETS,
        SHARED,
        render_table(WELL_KNOWN_EVENT_KINDS),
    ]
    return "\n\n".join([*sections, FIELDS])


def render_table(kinds: Iterable[EventKind]) -> str:
    """Return a table of event kinds."""
    rows = ["| kind | when | fields |", "| --- | --- | --- |"]
    for kind in kinds:
        fields = ", ".join(f"`{name}` ({field_type})" for name, field_type in kind.fields.items())
        rows.append(f"| `{kind.name}` | {kind.description} | {fields} |")
    return "\n".join(rows)
