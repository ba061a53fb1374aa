"""Personal links: signed tokens, each good for one purpose only."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

Purpose = Literal["survey", "unsubscribe", "review", "test", "bounces"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
MAX_TOKEN_LENGTH = 400
_TOKEN = re.compile(r"([\w-]+)\.([\w-]+)", re.ASCII)


class UnsubscribeLink(NamedTuple):
    """Whom an unsubscribe link is about. It never expires and holds all that is needed even after an erasure."""

    contact_id: int
    mailbox: str


class ReviewLink(NamedTuple):
    """Which answer a review link belongs to, to which platform it leads, and where it was shown."""

    response_id: int
    platform: str
    shown_on: Literal["page", "mail"]


class TestLink(NamedTuple):
    """The link of a test mail: it shows the page, and whatever is pressed there counts nowhere."""

    survey: str
    language: str


class Links:
    """Makes and reads personal links.

    A token is its content as JSON and an HMAC-SHA256 of it, both in base64 for addresses. Each purpose signs with a key
    of its own, derived from the configured one, so that no token serves another purpose.

    Args:
        public_url: the product's address, without a trailing slash.
        keys: the first signs, all verify, so that keys can be rotated.
    """

    def __init__(self, public_url: str, keys: Sequence[str]) -> None:
        self.public_url = public_url
        self._keys = {
            purpose: tuple(
                hmac.digest(key.encode(), f"nps_connect.{purpose}".encode(), "sha256") for key in dict.fromkeys(keys)
            )
            for purpose in PURPOSES
        }

    def survey(self, invitation_id: int) -> str:
        """Token of a survey page."""
        return self._sign("survey", invitation_id)

    def read_survey(self, token: str) -> int | None:
        """The survey invitation of a token; none if it is not ours."""
        found = self._verify("survey", token)
        return found if type(found) is int else None

    def unsubscribe(self, link: UnsubscribeLink) -> str:
        """Token of an unsubscribe page."""
        return self._sign("unsubscribe", list(link))

    def read_unsubscribe(self, token: str) -> UnsubscribeLink | None:
        """Whom an unsubscribe token is about; none if it is not ours."""
        found = self._verify("unsubscribe", token)
        return UnsubscribeLink(*found) if isinstance(found, list) and len(found) == 2 else None

    def review(self, link: ReviewLink) -> str:
        """Token of a review link."""
        return self._sign("review", list(link))

    def read_review(self, token: str) -> ReviewLink | None:
        """What a review token leads to; none if it is not ours."""
        found = self._verify("review", token)
        return ReviewLink(*found) if isinstance(found, list) and len(found) == 3 else None

    def test(self, link: TestLink) -> str:
        """Token of a test mail, for the survey page and the unsubscribe page."""
        return self._sign("test", list(link))

    def read_test(self, token: str) -> TestLink | None:
        """The survey of a test mail's token; none if it is not ours."""
        found = self._verify("test", token)
        return TestLink(*found) if isinstance(found, list) and len(found) == 2 else None

    def bounces(self, connection: str) -> str:
        """Token under which a relay may post what came back."""
        return self._sign("bounces", connection)

    def read_bounces(self, token: str) -> str | None:
        """The connection of a relay's token; none if it is not ours."""
        found = self._verify("bounces", token)
        return found if isinstance(found, str) else None

    def url(self, letter: Literal["s", "u", "r", "b"], token: str) -> str:
        """The full address of a token."""
        return f"{self.public_url}/{letter}/{token}"

    def _sign(self, purpose: Purpose, content: object) -> str:
        body = _base64url(json.dumps(content, separators=(",", ":")).encode())
        return f"{body}.{_signature(self._keys[purpose][0], body)}"

    def _verify(self, purpose: Purpose, token: str) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """What a token was made of; none unless one of our keys has signed it for this purpose."""
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
    """Bytes as letters that may stand in an address."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
