"""The MIME mail: headers for people, list software and auto-responders; header injection is impossible."""

import email.policy
import unicodedata
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nps_connect import Address, InlineImage, Message, Rejected
from nps_connect.builtin.email.mime_message import build_mime_message
from nps_connect.builtin.email.settings import EmailSettings

NO_DEADLINE = settings(deadline=None)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SETTINGS = EmailSettings.model_validate(
    {
        "plugin": "email",
        "smtp_url": "smtp://127.0.0.1",
        "sender": '"Exemple, Société" <care@exämple.com>',
        "reply_to": "help@example.com",
    }
)
LONG_LINK = "https://nps.example.com/u/" + "token_part-" * 30
HEADERS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted",
    "X-Auto-Response-Suppress", "X-NPS-Connect-Kind", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip


def message(**parts) -> Message:
    return Message(
        **{
            "idempotency_key": "send_survey:42:1",
            "message_id": "0123456789abcdef",
            "kind": "survey",
            "to": Address(email="marie@example.com", name="Marie Durand"),
            "subject": "Une question",
            "text": "Bonjour",
            "language": "fr",
            "unsubscribe_url": LONG_LINK,
            "list_id": "after-purchase.surveys.nps.example.com",
        }
        | parts
    )


def raw(**parts) -> bytes:
    return build_mime_message(message(**parts), SETTINGS, NOW)


def read(**parts):
    return message_from_bytes(raw(**parts), policy=email.policy.default)


def test_headers():
    mail = read()

    assert mail["From"].addresses[0].display_name == "Exemple, Société"
    assert mail["From"].addresses[0].addr_spec == "care@xn--exmple-cua.com"
    assert mail["To"].addresses[0].display_name == "Marie Durand"
    assert mail["Reply-To"] == "help@example.com"
    assert mail["Date"].datetime == NOW
    assert mail["Content-Language"] == "fr"
    assert mail["List-Id"] == "<after-purchase.surveys.nps.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["X-NPS-Connect-Kind"] == "survey"
    assert mail["X-NPS-Connect-Test"] is None
    assert mail["Precedence"] is None


def test_a_test_mail_is_marked():
    assert read(test=True)["X-NPS-Connect-Test"] == "yes"


def test_one_click_unsubscribe_is_on_one_readable_line():
    """RFC 8058. The standard library alone would turn a long address into encoded words."""
    lines = raw().split(b"\r\n")

    assert f"List-Unsubscribe: <{LONG_LINK}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


@pytest.mark.parametrize("url", ["http://127.0.0.1:8040/u/t", "http://localhost:8040/u/t", "http://[::1]/u/t"])
def test_plain_http_unsubscribe_only_to_this_machine(url):
    assert read(unsubscribe_url=url)["List-Unsubscribe"] == f"<{url}>"


@pytest.mark.parametrize(
    "url",
    [
        "http://nps.example.com/u/t",
        "mailto:leave@example.com",
        "javascript:alert(1)",
        "https://nps.example.com/u/t>, <https://other.example.com",
        "https://nps.example.com/u/t\r\nBcc: all@example.com",
        "https://nps.example.com/u/é",
        "https://nps.example.com/" + "x" * 1000,
    ],
)
def test_other_unsubscribe_addresses_are_refused(url):
    with pytest.raises(Rejected, match="unsubscribe address"):
        raw(unsubscribe_url=url)


def test_customer_mail_requires_an_unsubscribe_link_and_staff_mail_does_not():
    with pytest.raises(Rejected, match="unsubscribe"):
        raw(unsubscribe_url=None)
    assert read(kind="fallback", unsubscribe_url=None, list_id=None)["List-Unsubscribe"] is None


def test_the_message_id_is_that_of_the_message_at_the_domain_of_the_sender():
    assert read()["Message-ID"] == "<0123456789abcdef@xn--exmple-cua.com>"


@pytest.mark.parametrize("message_id", ["", "a b", "a@b", "a>\r\nBcc: x", "é", "x" * 65])
def test_a_message_id_that_no_header_can_carry_is_refused(message_id):
    with pytest.raises(ValidationError, match="message_id"):
        message(message_id=message_id)


def test_plain_text_alone():
    mail = read(text="Bonjour — à bientôt 👋")

    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "Bonjour — à bientôt 👋\r\n"


def test_text_and_html_are_alternatives_and_images_are_inline():
    logo = InlineImage(content_id="logo@nps", media_type="image/png", data=b"\x89PNG" + bytes(range(256)))

    mail = read(html='<p>é</p><img src="cid:logo@nps" alt="Exemple">', inline_images=(logo,))

    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    image = list(mail.walk())[-1]
    assert image["Content-ID"] == "<logo@nps>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == logo.data


@pytest.mark.parametrize(
    "image",
    [
        {"content_id": "logo>\r\nX: y", "media_type": "image/png"},
        {"content_id": "logo", "media_type": "image/png\r\nX: y"},
        {"content_id": "logo", "media_type": "text/html"},
    ],
)
def test_invalid_inline_images_are_rejected(image):
    with pytest.raises(Rejected, match="inline image"):
        raw(html="<p>x</p>", inline_images=(InlineImage(data=b"x", **image),))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "marie",
        "marie@",
        "@example.com",
        "marie@example",
        "a b@example.com",
        "marie@example.com\r\nBcc: all@example.com",
        "marie@example.com,all@example.com",
        "<marie@example.com>",
        "marie@exa mple.com",
        "m" * 65 + "@example.com",
        "marie@" + "x" * 64 + ".com",
        "marie@-example.com",
        "a\u200b@example.com",
        "a\ufe0f@example.com",
        "a\u034f@example.com",
        "a\u3164@example.com",
    ],
)
def test_invalid_recipients_are_rejected(address):
    with pytest.raises(Rejected) as caught:
        raw(to=Address(email=address))

    assert "recipient's address" in str(caught.value)
    assert "marie" not in str(caught.value)


ANYTHING = st.text(alphabet=st.characters(), max_size=200)


@NO_DEADLINE
@given(name=ANYTHING, subject=ANYTHING, language=ANYTHING, body=ANYTHING, key=ANYTHING)
def test_headers_cannot_be_injected(name, subject, language, body, key):
    injected = "\r\nBcc: all@example.com\r\n\r\n"
    content = raw(
        to=Address(email="marie@example.com", name=name + injected),
        subject=subject + injected,
        language=language + injected,
        text=body,
        html=body,
        idempotency_key=key,
    )

    mail = message_from_bytes(content, policy=email.policy.default)
    assert set(mail.keys()) <= HEADERS
    assert [address.addr_spec for address in mail["To"].addresses] == ["marie@example.com"]
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert not set(b"\r\n") & set(content.replace(b"\r\n", b""))


PRINTABLE = st.text(alphabet=st.characters(categories=["L", "N", "P", "S"], include_characters=" "), max_size=80)


@NO_DEADLINE
@given(name=PRINTABLE, subject=PRINTABLE)
def test_names_and_subjects_are_preserved(name, subject):
    """Parsed by the older parser: the newer one of Python 3.11 puts spaces between the encoded words of a name."""
    mail = message_from_bytes(raw(to=Address(email="marie@example.com", name=name), subject=subject))

    display_name, address = parseaddr(mail["To"])
    assert address == "marie@example.com"
    assert decode(display_name) == unicodedata.normalize("NFC", " ".join(name.split()))
    assert decode(mail["Subject"]) == unicodedata.normalize("NFC", " ".join(subject.split()))
    assert all(len(word) <= 75 for header in (mail["To"], mail["Subject"]) for word in header.split() if "=?" in word)


def decode(header: str) -> str:
    return str(make_header(decode_header(header.replace("\r\n", ""))))


@NO_DEADLINE
@given(text=st.text(alphabet=st.characters(categories=["L", "N", "P", "S"], include_characters=" \n."), max_size=300))
def test_bodies_are_preserved(text):
    mail = read(text=text, html=f"<p>{text}</p>")

    assert mail.get_body(("plain",)).get_content().split("\r\n") == [*text.rstrip("\n").split("\n"), ""]
    assert mail.get_body(("html",)).get_content().replace("\r\n", "\n").rstrip("\n") == f"<p>{text}</p>"
