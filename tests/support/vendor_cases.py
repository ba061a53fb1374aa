"""Requests and expected answers of a vendor, as data, played against its simulation over HTTP on loopback.

A case has steps of preparation (``setup``), one ``request`` and what is expected of its answer (``expect``). Braces name
values that a step captured, that the test gives, or ``{run}``, which is unique per case; ``{unix:-120}`` is a time in
seconds relative to the clock of the simulation. Texts that begin with ``@`` describe a value instead of being one.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from nps_connect.sandbox.vendor_server import VendorServer
from nps_connect.simulation import SimulatedVendor, json_reply
from nps_connect.testing import FixedClock

MISSING = object()
MOUNT = "vendor"
LONG_WAIT = timedelta(seconds=61)
"""Time that passes before the request of a case that needs "later"."""

_PATH_PART = re.compile(r"\.([\w \-]+)|\[(\d+)\]")
_BRACES = re.compile(r"\{(unix:[+-]\d+|[a-z][a-z0-9_]*)\}")
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "@string": lambda value: isinstance(value, str) and value != "",
    "@int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "@bool": lambda value: isinstance(value, bool),
    "@array": lambda value: isinstance(value, list),
    "@object": lambda value: isinstance(value, dict),
    "@any": lambda value: True,
}

Control = Callable[[SimulatedVendor, dict[str, Any]], None]
"""Puts the simulation into a state that no request can make; it gets the values of the case."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str
    content: Any


def load_cases(folder: Path) -> list[dict[str, Any]]:
    """Return the cases of a vendor that are played: all but those of ``left_out.json``, which names a reason each."""
    left_out = json.loads((folder / "left_out.json").read_text())
    cases = json.loads((folder / "cases.json").read_text())
    unknown = left_out.keys() - {case["id"] for case in cases}
    assert not unknown, f"left_out.json names cases that do not exist: {sorted(unknown)}"
    return [case for case in cases if case["id"] not in left_out]


class VendorCasePlayer:
    """Plays cases against simulations, each against a new one.

    Args:
        make_vendor: returns a new simulation with this clock.
        values: for the names in braces that no step captures.
        controls: by name.
    """

    def __init__(
        self,
        make_vendor: Callable[[FixedClock], SimulatedVendor],
        values: Mapping[str, Any],
        controls: Mapping[str, Control],
    ) -> None:
        self._make_vendor, self._given, self._controls = make_vendor, values, controls
        self._vendors: dict[str, SimulatedVendor] = {}
        self._server = VendorServer(self._vendors, lambda _request: json_reply(404, {}))
        self._server.start()
        self._runs = 0

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()

    def play(self, case: dict[str, Any], **values: Any) -> list[str]:
        """Play a case; returns what differs from the expected answer."""
        self._runs += 1
        clock = FixedClock()
        vendor = self._vendors[MOUNT] = self._make_vendor(clock)
        known = {**self._given, **values, "run": f"run{self._runs}", "now": clock}
        needs = [name.removeprefix("control:") for name in case.get("needs", [])]
        for step in case["setup"]:
            self._apply(vendor, needs, known)
            self._prepare(step, known)
        self._apply(vendor, needs, known)
        if case.get("slow") or case.get("eventually_s"):
            clock.forward(LONG_WAIT)
        return differences(_fill(case["expect"], known), self._send(case["request"], known))

    def _apply(self, vendor: SimulatedVendor, needs: list[str], known: dict[str, Any]) -> None:
        """Make the states that are needed, as soon as the values in their braces are known."""
        for need in list(needs):
            if all(name in known for name in _BRACES.findall(need)):
                needs.remove(need)
                self._controls[need.partition(":{")[0]](vendor, known)

    def _prepare(self, step: dict[str, Any], known: dict[str, Any]) -> None:
        for _ in range(step.get("repeat", 1)):
            answer = self._send(step, known)
            if answer.status not in step.get("expect_status", [answer.status]):
                raise AssertionError(
                    f"preparation {step['method']} {step['path']}: {answer.status} {answer.text[:300]}"
                )
        for name, path in step.get("capture", {}).items():
            known[name] = _find(answer.content, path)
            assert known[name] is not MISSING, f"{step['path']} has no {path}: {answer.text[:300]}"

    def _send(self, step: dict[str, Any], known: dict[str, Any]) -> Answer:
        if step.get("before_sleep"):
            known["now"].forward(timedelta(seconds=step["before_sleep"]))
        filled = _fill({name: step[name] for name in ("path", "headers", "body", "raw_body") if name in step}, known)
        body = None
        if "raw_body" in filled:
            body = filled["raw_body"].encode()
        elif "body" in filled:
            body = json.dumps(filled["body"]).encode()
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self._server.url).port or 0, timeout=10)
        path = f"/{MOUNT}" + quote(filled["path"], safe="/?&=%:[]@!$'()*+,;-._~")
        connection.request(step["method"], path, body=body, headers=filled.get("headers", {}))
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        try:
            content = json.loads(raw) if raw else None
        except ValueError:
            content = MISSING
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, raw.decode("utf-8", "replace"), content)


def differences(expected: dict[str, Any], answer: Answer) -> list[str]:
    """Return what differs from the expected answer."""
    found = {
        "status": lambda value: answer.status in (value if isinstance(value, list) else [value]),
        "headers": lambda value: all(_header_matches(answer, name, wanted) for name, wanted in value.items()),
        "json_contains": lambda value: answer.content is not MISSING and _matches(value, answer.content),
        "json_not_contains": lambda value: not _matches(value, answer.content),
        "json_absent": lambda value: all(_find(answer.content, path) is MISSING for path in value),
        "json_present": lambda value: all(_find(answer.content, path) is not MISSING for path in value),
        "json_null_or_absent": lambda value: all(_find(answer.content, path) in (MISSING, None) for path in value),
        "json_empty": lambda value: all(_find(answer.content, path) in (MISSING, None, []) for path in value),
        "json_equals": lambda value: all(_find(answer.content, path) == wanted for path, wanted in value.items()),
        "json_not_equals": lambda value: all(
            _find(answer.content, path) not in (wanted, MISSING) for path, wanted in value.items()
        ),
        "json_length": lambda value: all(_length(answer.content, path) == wanted for path, wanted in value.items()),
        "json_gte": lambda value: all(_find(answer.content, path) >= wanted for path, wanted in value.items()),
        "body_regex": lambda value: re.search(value, answer.text) is not None,
        "body_absent": lambda value: all(text not in answer.text for text in value),
        "body_empty": lambda value: not (value and answer.text),
        "any_refusal": lambda value: 400 <= answer.status < 500,
    }
    wrong = [f"{name}: {value}" for name, value in expected.items() if not found[name](value)]
    return [*wrong, f"got {answer.status} {answer.text[:600]}"] if wrong else []


def _header_matches(answer: Answer, name: str, wanted: str | None) -> bool:
    value = answer.headers.get(name.lower())
    return value is None if wanted is None else value is not None and _matches(wanted, value)


def _length(content: Any, path: str) -> int:
    value = _find(content, path)
    return len(value) if isinstance(value, list) else -1


def _find(content: Any, path: str) -> Any:
    """Return the value at a path such as ``$.users[0].id``, or `MISSING`."""
    for name, index in _PATH_PART.findall(path[1:]):
        key: Any = name or int(index)
        is_there = key in content if name and isinstance(content, dict) else not name and key < len(content)
        if not is_there:
            return MISSING
        content = content[key]
    return content


def _matches(wanted: Any, value: Any) -> bool:
    """Whether a value has everything that is wanted; items of a list match in any order."""
    if isinstance(wanted, str) and wanted in _TYPES:
        return _TYPES[wanted](value)
    if isinstance(wanted, str) and wanted.startswith("@"):
        kind, _, text = wanted.partition(":")
        if kind == "@re":
            return isinstance(value, str) and re.search(text, value) is not None
        return value == text if kind == "@str" else str(value) == text
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            key in value and _matches(item, value[key]) for key, item in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(value, list) and _match_items(wanted, list(value))
    return bool(wanted == value)


def _match_items(wanted: list[Any], values: list[Any]) -> bool:
    for item in wanted:
        position = next((number for number, value in enumerate(values) if _matches(item, value)), None)
        if position is None:
            return False
        del values[position]
    return True


def _fill(node: Any, known: Mapping[str, Any]) -> Any:
    """Replace names in braces; a text that is one name only becomes its value with its type."""
    if isinstance(node, dict):
        return {_fill(key, known): _fill(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(item, known) for item in node]
    if not isinstance(node, str):
        return node
    if node.startswith("@gen:"):
        _, count, text = node.split(":", 2)
        return [json.loads(_fill(text, known)) for _ in range(int(count))]
    if node.startswith("@rep:"):
        _, char, count = node.split(":")
        return char * int(count)
    if node.startswith("@number:"):
        return int(_fill(node.removeprefix("@number:"), known))
    if (whole := _BRACES.fullmatch(node)) and not whole[1].startswith("unix:"):
        return known[whole[1]]
    return _BRACES.sub(lambda match: _text_of(match[1], node, known), node)


def _text_of(name: str, node: str, known: Mapping[str, Any]) -> str:
    if name.startswith("unix:"):
        return str(int(known["now"]().timestamp()) + int(name.removeprefix("unix:")))
    if name not in known:
        return "{" + name + "}"
    text = str(known[name])
    return re.escape(text) if node.startswith("@re:") else text
