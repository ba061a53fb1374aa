"""Raw HTTP requests of every kind that a hostile or broken client may send, made from a seeded random generator."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote


class FuzzRequest(NamedTuple):
    """Bytes to send on one connection, and how many responses they call for if they are valid."""

    kind: str
    content: bytes
    responses: int = 1


TEXTS = (
    "", "9", "10", "-1", "fr", "en", "null", "é" * 20, "\x00", "\u202e", "%", "%00", "%ff", "[", "http://[", "../../x",
    "a" * 3000, "' OR 1=1 --", "{{7*7}}", "\r\n\r\n", "\ud7ff", "0x9", "９", "1e9", "9" * 400,
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "")
HEADERS = (
    "Host", "Origin", "Sec-Fetch-Site", "Accept-Language", "User-Agent", "Cookie", "X-Forwarded-For", "Forwarded", "Expect",
    "Upgrade", "Connection", "Transfer-Encoding", "Content-Length", "Content-Type", "Content-Encoding", "Range",
    "If-None-Match", "Authorization", "X-Signature", "Accept", "Te", "Trailer", "X" * 300, "Bad Name", "",
)  # fmt: skip
VALUES = (
    "", "http://[", "http://127.0.0.1:99999999", "null", "https://evil.example.com", "same-origin", "cross-site", "good",
    "fr;q=9,;;q=x,*", "en-" + "x" * 500, "100-continue", "websocket", "h2c", "close", "keep-alive, upgrade", "chunked",
    "chunked, identity", "gzip", "-1", "0", "5", "99999999999999999999999", "1, 1", "bytes=0-", "\xff\xfe", "\x00", "\x7f",
    "multipart/form-data; boundary=", "application/x-www-form-urlencoded; charset=x", "1.2.3.4, ::1%eth0", "Bearer x",
)  # fmt: skip


class RequestGenerator:
    """Generates requests.

    Args:
        seed: of the random choices.
        tokens: valid links and names, by the letter of their path: ``s``, ``u``, ``r``, ``b``, ``hooks``.
        api_key: a key of the API with all scopes.
    """

    def __init__(self, seed: int, tokens: dict[str, list[str]], api_key: str) -> None:
        self._random = random.Random(seed)
        self._tokens = tokens
        self._api_key = api_key
        self._kinds: tuple[Callable[[], FuzzRequest], ...] = (
            self._page, self._form, self._webhook, self._report, self._api, self._headers, self._path, self._chunks,
            self._pipeline, self._mutation, self._mutation, self._truncation, self._noise,
        )  # fmt: skip

    def next(self) -> FuzzRequest:
        """Return the next request."""
        return self._random.choice(self._kinds)()

    def _page(self) -> FuzzRequest:
        query = "&".join(f"{self._pick('score', 'lang', 'more', 'pressed')}={quote(self._text())}" for _ in range(3))
        method = self._pick("GET", "GET", "HEAD", self._random.choice(METHODS))
        return FuzzRequest("page", self._head(method, f"{self._link(self._pick('s', 'u', 'r'))}?{query}"))

    def _form(self) -> FuzzRequest:
        names = ("score", "send", "comment", "lang", "do_not_contact", "asked.reason", "switch_language", self._text())
        fields = [(self._random.choice(names), self._text()) for _ in range(self._random.randrange(60))]
        body = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields).encode()
        body = self._pick(body, body + b"&comment=" + b"%" * self._random.randrange(140_000), self._bytes(200))
        return self._post("form", self._link(self._pick("s", "s", "u")), body)

    def _webhook(self) -> FuzzRequest:
        fact = b'[{"id": "d%d", "person": "1", "at": "2026-11-17T09:00:00+00:00"}]' % self._random.randrange(10**6)
        body = self._pick(
            fact, b"[" * 5000, b"{", b"[1e999]", b'"\\ud800"', b"[" + b"9" * 5000 + b"]", self._bytes(300)
        )
        return self._post("webhook", self._link("hooks"), body, f"X-Signature: {self._pick('good', 'bad')}\r\n")

    def _report(self) -> FuzzRequest:
        head = b"From: a@example.com\r\nContent-Type: multipart/report; boundary=x; report-type=delivery-status\r\n\r\n"
        part = b"--x\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        body = self._pick(head + part, head + self._bytes(400), self._bytes(400), b"", head * 200)
        return self._post("bounce report", self._link("b"), body)

    def _api(self) -> FuzzRequest:
        text = self._text()
        person = {"id": self._pick("c-1", text), "email": self._pick("a@example.com", text), "name": text}
        values = {
            "connection": self._pick("crm", "crm", text), "kind": self._pick("deal.won", text), "object_id": self._text(),
            "occurred_at": self._pick("2026-11-17T08:00:00Z", text), "contact": self._pick(person, "a@example.com", text),
            "survey": self._pick("after-purchase", text), "campaign": self._pick("c", text), "score": self._pick(9, text),
            "collected_by": "phone", "reason": self._text(), "fields": {text: text}, "comment": text,
        }  # fmt: skip
        kept = self._random.sample(sorted(values), self._random.randrange(len(values) + 1))
        content = json.dumps({name: values[name] for name in kept}).encode("utf-8", "surrogatepass")
        body = self._pick(content, content, b"[" * 5000, b'{"a": "\\ud800"}', b'{"score": 1e999}', self._bytes(300))
        path = "/api/v1/" + self._pick(
            "events", "contacts", "invitations", "responses", "nps", "suppressions", "suppressions/removals", "cases",
            f"contacts/{quote(text)}/decisions", "openapi.json", quote(text),
        )  # fmt: skip
        query = "&".join(
            f"{self._pick('limit', 'cursor', 'since', 'contact', text)}={quote(self._text())}" for _ in "12"
        )
        extra = f"Authorization: Bearer {self._pick(self._api_key, self._api_key, text.encode().hex(), 'npsc_x')}\r\n"
        extra += (
            self._pick("", "Content-Type: application/json\r\n") + f"Idempotency-Key: {self._pick('k', 'é', 'x y')}\r\n"
        )
        if self._pick(True, False):
            return self._post("api", path, body, extra)
        return FuzzRequest("api", self._head(self._pick("GET", "GET", "DELETE"), f"{path}?{query}", extra))

    def _headers(self) -> FuzzRequest:
        lines = "".join(
            f"{self._random.choice(HEADERS)}{self._pick(': ', ':', ' : ')}{self._random.choice(VALUES)}\r\n"
            for _ in range(self._random.randrange(1, 4))
        )
        method = self._pick("GET", "POST", self._random.choice(METHODS))
        content = self._head(method, self._link(self._pick(*self._tokens)), lines, host=self._pick("a", "[", ""))
        return FuzzRequest("headers", content + self._bytes(20))

    def _path(self) -> FuzzRequest:
        segments = [self._pick(quote(self._text()), self._text(), *self._tokens, "healthz") for _ in range(3)]
        target = self._pick("", "/", "//", "http://a/", "*", "http://[/") + "/".join(segments)
        return FuzzRequest("path", self._head(self._random.choice(METHODS), target))

    def _chunks(self) -> FuzzRequest:
        size = self._pick(b"5", b"0005", b"5;x=" + b"y" * 2000, b"-5", b"fffffffffffffffff", b"", b"g", b"6")
        body = size + b"\r\n" + b"score" + b"\r\n2\r\n=9\r\n0\r\n" + self._pick(b"", b"X: y\r\n", b"bad\r\n") + b"\r\n"
        length = self._pick("", "", "Content-Length: 5\r\n")
        path, signature = self._link(self._pick("s", "hooks", "b")), "X-Signature: good\r\n"
        return FuzzRequest(
            "chunks", self._head("POST", path, f"Transfer-Encoding: chunked\r\n{length}{signature}") + body
        )

    def _pipeline(self) -> FuzzRequest:
        requests = [self._pick(self._page, self._form, self._webhook)().content for _ in range(3)]
        return FuzzRequest("pipeline", b"".join(requests), len(requests))

    def _mutation(self) -> FuzzRequest:
        content = bytearray(self._pick(self._page, self._form, self._webhook, self._report, self._chunks)().content)
        for _ in range(self._random.randrange(1, 6)):
            place = self._random.randrange(len(content))
            change = self._random.randrange(3)
            if change == 0:
                content[place] = self._random.randrange(256)
            elif change == 1:
                content[place:place] = self._bytes(4)
            else:
                del content[place : place + 3]
            content = content or bytearray(b"x")
        return FuzzRequest("mutation", bytes(content))

    def _truncation(self) -> FuzzRequest:
        content = self._pick(self._page, self._form, self._webhook, self._report)().content
        return FuzzRequest("truncation", content[: self._random.randrange(1, len(content))], responses=0)

    def _noise(self) -> FuzzRequest:
        return FuzzRequest("noise", self._bytes(400) + self._pick(b"", b"\r\n\r\n"))

    def _post(self, kind: str, path: str, body: bytes, extra: str = "") -> FuzzRequest:
        origin = self._pick("", "", "Origin: http://a\r\n", f"Origin: {self._random.choice(VALUES)}\r\n")
        return FuzzRequest(kind, self._head("POST", path, f"Content-Length: {len(body)}\r\n{origin}{extra}") + body)

    def _head(self, method: str, target: str, extra: str = "", host: str = "a") -> bytes:
        return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode("utf-8", "surrogatepass")

    def _link(self, letter: str) -> str:
        token = self._random.choice(self._tokens[letter])
        return f"/{letter}/{self._pick(token, token, token, token, token, token[:-1], token + 'x', quote(self._text(), safe=''))}"

    def _text(self) -> str:
        return self._random.choice(TEXTS)

    def _bytes(self, length: int) -> bytes:
        return self._random.randbytes(self._random.randrange(length))

    def _pick(self, *choices):
        return self._random.choice(choices)
