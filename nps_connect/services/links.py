"""Personal links: signed tokens, each valid for one purpose only."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

Purpose = Literal["survey", "unsubscribe", "review", "test", "bounces", "message_id", "pseudonym", "user", "digest"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
MAX_TOKEN_LENGTH = 400
_TOKEN = re.compile(r"([\w-]+)\.([\w-]+)", re.ASCII)


class ReviewLink(NamedTuple):
    """Public id of the response and platform of a review link, and where the link was shown."""

    response: str
    platform: str
    shown_on: Literal["page", "mail"]


class TestLink(NamedTuple):
    """The link of a test mail: it opens the page, but submissions are not stored."""

    survey: str
    language: str


class DigestLink(NamedTuple):
    """The link with which a recipient leaves a digest: its scope, and the hash of the recipient's mailbox."""

    scope: str
    mailbox: str


class Links:
    """Signs and verifies the tokens of personal links.

    A token is its content as JSON and the HMAC-SHA256 of that, both in base64url. Each purpose has its own key, derived
    from the configured one, so that no token is valid for another purpose. No token contains a row number: databases
    repeat those, after a restore or when made anew, and an old link would act for another person.

    Args:
        public_url: address of the application, without a trailing slash.
        keys: the first one signs, all verify, so that keys can be rotated.
    """

    def __init__(self, public_url: str, keys: Sequence[str]) -> None:
        self.public_url = public_url
        self._keys = {
            purpose: tuple(
                hmac.digest(key.encode(), f"nps_connect.{purpose}".encode(), "sha256") for key in dict.fromkeys(keys)
            )
            for purpose in PURPOSES
        }

    def survey(self, public_id: str) -> str:
        """Return the token of a survey page, from the public id of the invitation."""
        return self._sign("survey", public_id)

    def read_survey(self, token: str) -> str | None:
        """Return the public id of the survey invitation, or None if the token is invalid."""
        content = self._verify("survey", token)
        return content if isinstance(content, str) else None

    def unsubscribe(self, mailbox: str) -> str:
        """Return the token of an unsubscribe page, from the hash of the mailbox. It needs no row, and never expires."""
        return self._sign("unsubscribe", mailbox)

    def read_unsubscribe(self, token: str) -> str | None:
        """Return the mailbox hash of an unsubscribe token, or None if the token is invalid."""
        content = self._verify("unsubscribe", token)
        return content if isinstance(content, str) else None

    def review(self, link: ReviewLink) -> str:
        """Return the token of a review link."""
        return self._sign("review", link)

    def read_review(self, token: str) -> ReviewLink | None:
        """Return the content of a review token, or None if the token is invalid."""
        content = self._verify("review", token)
        return ReviewLink(*content) if isinstance(content, list) and len(content) == 3 else None

    def test(self, link: TestLink) -> str:
        """Return the token of a test mail, for the survey page and the unsubscribe page."""
        return self._sign("test", link)

    def read_test(self, token: str) -> TestLink | None:
        """Return the content of a test mail's token, or None if the token is invalid."""
        content = self._verify("test", token)
        return TestLink(*content) if isinstance(content, list) and len(content) == 2 else None

    def bounces(self, connection: str) -> str:
        """Return the token with which a mail relay posts bounces."""
        return self._sign("bounces", connection)

    def read_bounces(self, token: str) -> str | None:
        """Return the connection of a relay's token, or None if the token is invalid."""
        content = self._verify("bounces", token)
        return content if isinstance(content, str) else None

    def user(self, link_id: str) -> str:
        """Return the token by which a user of the console chooses a password, from the random id of the link."""
        return self._sign("user", link_id)

    def digest(self, link: DigestLink) -> str:
        """Return the token of the page on which a recipient leaves a digest. It needs no row, and never expires."""
        return self._sign("digest", link)

    def read_digest(self, token: str) -> DigestLink | None:
        """Return the content of a digest's token, or None if the token is invalid."""
        content = self._verify("digest", token)
        return DigestLink(*content) if isinstance(content, list) and len(content) == 2 else None

    def message_id(self, delivery_key: str) -> str:
        """Return the local part of the ``Message-ID`` of a delivery, of 40 hexadecimal digits.

        It is the same for every attempt while the first key stays the same. Delivery keys can be guessed; nobody can
        compute a ``Message-ID`` without the key, and name a mail in a forged report that they did not receive.
        """
        return hmac.digest(self._keys["message_id"][0], delivery_key.encode(), "sha256").hex()[:40]

    def pseudonym(self, connection: str, vendor_id: str) -> str:
        """Return the pseudonym of a contact: the same while the first key stays the same; nobody can trace it back."""
        content = f"{connection}:{vendor_id}".encode()
        return f"p-{hmac.digest(self._keys['pseudonym'][0], content, 'sha256').hex()[:20]}"

    def url(self, letter: Literal["s", "u", "r", "b", "d"], token: str) -> str:
        """Return the full URL of a token."""
        return f"{self.public_url}/{letter}/{token}"

    def _sign(self, purpose: Purpose, content: object) -> str:
        body = _base64url(json.dumps(content, separators=(",", ":")).encode())
        return f"{body}.{_signature(self._keys[purpose][0], body)}"

    def _verify(self, purpose: Purpose, token: str) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """Return the content of a token; None unless one of the keys signed it for this purpose."""
        parts = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
        if parts is None:
            return None
        body, signature = parts[1], parts[2]
        for key in self._keys[purpose]:
            if hmac.compare_digest(_signature(key, body), signature):
                return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return None


def _signature(key: bytes, body: str) -> str:
    return _base64url(hmac.digest(key, body.encode(), "sha256"))


def _base64url(content: bytes) -> str:
    """Return bytes in base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
