"""Records that mails are rendered from, and the rendered text."""

from __future__ import annotations

from nps_connect.records.base import Record


class Logo(Record):
    """The inline logo of a mail.

    Attributes:
        content_id: of the MIME part.
        width, height: display size in pixels.
    """

    content_id: str
    width: int
    height: int


class Sender(Record):
    """The company as the sender of a mail.

    Attributes:
        company: the name that customers know.
        help_address: where customers can reply; people read it.
        privacy_notice_url: the privacy notice.
        postal_address: one or several lines for the footer, or None.
        colour: of buttons and links.
        logo: for the header; None shows the company's name.
        signed_by: the signature, or None for the company's name.
    """

    company: str
    help_address: str
    privacy_notice_url: str
    postal_address: str | None = None
    colour: str = "#174ea6"
    logo: Logo | None = None
    signed_by: str | None = None


class RenderedText(Record):
    """A rendered text.

    Attributes:
        subject: one line without control characters.
        text: the complete plain text.
        html: the HTML alternative, or None for texts to staff.
        language: the language of the text.
    """

    subject: str
    text: str
    html: str | None = None
    language: str
