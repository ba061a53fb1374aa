"""What goes into a text, and what comes out."""

from __future__ import annotations

from nps_connect.records.base import Record


class Logo(Record):
    """The logo in the head of a mail, which travels inside it.

    Attributes:
        content_id: under which the mail's own part is referred to.
        width, height: in pixels, as shown.
    """

    content_id: str
    width: int
    height: int


class Sender(Record):
    """Who writes to the customer.

    Attributes:
        company: the name that customers know.
        help_address: where people reply, and where a person reads it.
        privacy_notice_url: how the company handles personal data.
        postal_address: one or several lines for the foot of a mail, or none.
        colour: of buttons and links.
        logo: for the head of the mail, or none: the company's name stands there then.
        signed_by: who asks, at the end of the mail, or none.
    """

    company: str
    help_address: str
    privacy_notice_url: str
    postal_address: str | None = None
    colour: str = "#174ea6"
    logo: Logo | None = None
    signed_by: str | None = None


class RenderedText(Record):
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
