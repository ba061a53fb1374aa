"""What goes into a text, and what comes out."""

from __future__ import annotations

from nps_connect.records.base import Record


class Sender(Record):
    """Who writes to the customer.

    Attributes:
        company: the name that customers know.
        help_address: where people reply, and where a person reads it.
        privacy_notice_url: how the company handles personal data.
        postal_address: one or several lines for the foot of a mail, or none.
    """

    company: str
    help_address: str
    privacy_notice_url: str
    postal_address: str | None = None


class Wording(Record):
    """A finished text.

    Attributes:
        subject: one line, free of control characters.
        text: the plain text, complete by itself.
        html: the same for mail programs that show HTML, or none for texts to staff.
        language: the language that it is really written in.
    """

    subject: str
    text: str
    html: str | None = None
    language: str
