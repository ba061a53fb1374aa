"""Personal links: signed tokens, each good for one purpose only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from itsdangerous import BadData, URLSafeSerializer

Purpose = Literal["survey", "unsubscribe", "review", "test", "bounces"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
LONGEST = 400


class UnsubscribeLink(NamedTuple):
    """Whom an unsubscribe link is about. It never expires and holds all that is needed even after an erasure."""

    contact_id: int
    mailbox: str


class ReviewLink(NamedTuple):
    """Which answer a review link belongs to, to which platform it leads, and where it was shown."""

    response_id: int
    platform: str
    shown: Literal["page", "mail"]


class TestLink(NamedTuple):
    """The link of a test mail: it shows the page, and whatever is pressed there counts nowhere."""

    survey: str
    language: str


class Links:
    """Makes and reads personal links.

    Args:
        public_url: the product's address, without a trailing slash.
        keys: the first signs, all verify, so that keys can be rotated.
    """

    def __init__(self, public_url: str, keys: Sequence[str]) -> None:
        self.public_url = public_url
        newest_last = list(reversed(keys))
        self._serializers = {
            purpose: URLSafeSerializer(
                newest_last, salt=f"nps_connect.{purpose}", signer_kwargs={"digest_method": hashlib.sha256}
            )
            for purpose in PURPOSES
        }

    def survey(self, invitation_id: int) -> str:
        """Token of a survey page."""
        return self._make("survey", invitation_id)

    def read_survey(self, token: str) -> int | None:
        """The survey invitation of a token; none if it is not ours."""
        found = self._read("survey", token)
        return found if type(found) is int else None

    def unsubscribe(self, link: UnsubscribeLink) -> str:
        """Token of an unsubscribe page."""
        return self._make("unsubscribe", list(link))

    def read_unsubscribe(self, token: str) -> UnsubscribeLink | None:
        """Whom an unsubscribe token is about; none if it is not ours."""
        found = self._read("unsubscribe", token)
        return UnsubscribeLink(*found) if isinstance(found, list) and len(found) == 2 else None

    def review(self, link: ReviewLink) -> str:
        """Token of a review link."""
        return self._make("review", list(link))

    def read_review(self, token: str) -> ReviewLink | None:
        """What a review token leads to; none if it is not ours."""
        found = self._read("review", token)
        return ReviewLink(*found) if isinstance(found, list) and len(found) == 3 else None

    def test(self, link: TestLink) -> str:
        """Token of a test mail, for the survey page and the unsubscribe page."""
        return self._make("test", list(link))

    def read_test(self, token: str) -> TestLink | None:
        """The survey of a test mail's token; none if it is not ours."""
        found = self._read("test", token)
        return TestLink(*found) if isinstance(found, list) and len(found) == 2 else None

    def bounces(self, connection: str) -> str:
        """Token under which a relay may post what came back."""
        return self._make("bounces", connection)

    def read_bounces(self, token: str) -> str | None:
        """The connection of a relay's token; none if it is not ours."""
        found = self._read("bounces", token)
        return found if isinstance(found, str) else None

    def address(self, letter: Literal["s", "u", "r", "b"], token: str) -> str:
        """The full address of a token."""
        return f"{self.public_url}/{letter}/{token}"

    def _make(self, purpose: Purpose, content: object) -> str:
        return str(self._serializers[purpose].dumps(content))

    def _read(self, purpose: Purpose, token: str) -> Any:  # noqa: ANN401  # JSON has no narrower type
        if len(token) > LONGEST:
            return None
        try:
            return self._serializers[purpose].loads(token)
        except BadData:
            return None
