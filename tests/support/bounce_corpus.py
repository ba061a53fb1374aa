"""`make bounce-corpus CORPUS=DIR`: measures the bounce reader on a public corpus and writes a report.

DIR holds clones of ``sisimai/set-of-emails`` (the mails) and ``sisimai/p5-sisimai`` (whose tests hold the expected
verdicts), each under its repository's name, and perhaps ``recipients.tsv``: a line for each mail, with its file's name
and the recipients that Sisimai reads. None of them is part of this project.

Half of the mail servers is held out: rules are made after the mails of the open half, and the held-out half only
measures them. A hash of the server's name decides, so that nobody chooses.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from nps_connect import Bounce, WebhookRejected
from nps_connect.builtin.email import nps_read_bounces

REPORT = Path(__file__).parent.parent.parent / "docs" / "bounce-corpus.md"
HALVES = ("open", "held out")

_TEST_FILE = re.compile(r"\d+-((?:lhost|rhost)-\w+|rfc3464|rfc3834|arf)\.t")
_LAYER = re.compile(r"^[lr]host-")
_CASE = re.compile(r"'(\d+)'\s*=>\s*\[(\[.*?\])\],?\s*(?:#.*)?\n", re.DOTALL)
_ROW = re.compile(r"\['([^']*)',\s*'([^']*)'\s*,\s*'([^']*)',\s*([01])(?:,\s*'([^']*)'\s*)?\]")
_NO_SUCH_USER = re.compile(
    r"5\.1\.1|unknown|no such|not exist|not found|invalid|no mailbox|n't have an?", re.IGNORECASE
)


@dataclass(frozen=True)
class ExpectedReport:
    """What the corpus says of one recipient in one mail.

    Attributes:
        kind: `hard`, `soft`, `complaint`, or `none` (a vacation notice, a delivery, an authentication failure report).
        reason: the corpus' name of the cause, such as ``userunknown``.
    """

    kind: str
    reason: str


@dataclass(frozen=True)
class CorpusMail:
    """A mail of the corpus with the reports that it holds, and the recipients that Sisimai reads, if they are known."""

    server: str
    path: Path
    expected: tuple[ExpectedReport, ...]
    recipients: tuple[str, ...]


@dataclass
class Figures:
    """The counts of one half, or of both.

    Attributes:
        refused: mails with a bounce that the reader does not recognise.
        bounces: expected bounces; `attributed` of them have a verdict and an address or our Message-ID.
        with_address: bounces whose address is read, in mails whose recipients are known.
        wrong_recipient: of these, the address is none of the recipients.
        false_hard: soft ones read as hard; `disputed` of them were refused with "no such user" after DATA.
        complaints: expected complaints; `complaints_read` of them are read as such.
        false_alarms: reports read where there is none.
    """

    mails: int = 0
    refused: int = 0
    bounces: int = 0
    attributed: int = 0
    with_address: int = 0
    wrong_recipient: int = 0
    hard: int = 0
    soft: int = 0
    false_hard: int = 0
    disputed: int = 0
    false_soft: int = 0
    complaints: int = 0
    complaints_read: int = 0
    false_alarms: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def agreed(self) -> int:
        """Number of bounces that are read as hard or soft as the corpus expects."""
        return self.hard + self.soft - self.false_hard - self.disputed - self.false_soft

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def half_of(server: str) -> str:
    """Return the half that a mail server belongs to; the layers of one server (``lhost-``, ``rhost-``) stay together."""
    name = _LAYER.sub("", server)
    return HALVES[hashlib.sha256(name.encode()).digest()[0] % 2]


def load_corpus(folder: Path) -> Iterator[CorpusMail]:
    """Yield the mails that the tests of the corpus name."""
    recipients = _load_recipients(folder / "recipients.tsv")
    for test in sorted((folder / "p5-sisimai" / "t").glob("*.t")):
        if not (match := _TEST_FILE.fullmatch(test.name)):
            continue
        server = match[1]
        for number, rows in _CASE.findall(test.read_text(encoding="utf-8")):
            # Mails move between the layers of a server (lhost-, rhost-) before their tests do.
            pattern = f"{_LAYER.sub('?host-', server)}-{int(number):02d}.eml"
            paths = sorted((folder / "set-of-emails" / "maildir" / "bsd").glob(pattern))
            for path in [path for path in paths if path.name.startswith(server)] or paths:
                expected = tuple(_expected_report(*row) for row in _ROW.findall(rows))
                yield CorpusMail(server, path, expected, recipients.get(path.name, ()))


def _load_recipients(path: Path) -> dict[str, tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").lower().splitlines() if path.exists() else []
    return {name: tuple(addresses) for name, *addresses in (line.split("\t") for line in lines)}


def _expected_report(_status: str, _code: str, reason: str, hard: str, feedback: str) -> ExpectedReport:
    if reason == "feedback":
        concerns_person = feedback not in {"auth-failure", "virus", "fraud", "dmarc", "other"}
        return ExpectedReport("complaint" if concerns_person else "none", feedback)
    if reason in {"vacation", "delivered"}:
        return ExpectedReport("none", reason)
    return ExpectedReport("hard" if hard == "1" else "soft", reason)


def measure(mails: Sequence[CorpusMail]) -> dict[str, Figures]:
    """Read the mails; return the figures of each half."""
    figures = {half: Figures() for half in HALVES}
    for mail in mails:
        _count(mail, figures[half_of(mail.server)])
    return figures


def _count(mail: CorpusMail, figures: Figures) -> None:
    raw = mail.path.read_bytes()
    figures.mails += 1
    expected = [report for report in mail.expected if report.kind != "none"]
    try:
        bounces = list(nps_read_bounces(connection=None, message=raw))
    except WebhookRejected:
        bounces = []
        if expected:
            figures.refused += 1
            figures.differences.append(f"{mail.path.name}: refused")
    for report, bounce in _pairs(mail, bounces):
        _compare(mail, report, bounce, figures)
    surplus = [] if expected else bounces
    figures.false_alarms += len(surplus)
    figures.differences += [f"{mail.path.name}: {bounce.kind} where nothing is expected" for bounce in surplus]
    _check_addresses(mail, bounces[: len(expected)], figures)


def _pairs(mail: CorpusMail, bounces: Sequence[Bounce]) -> Iterator[tuple[ExpectedReport, Bounce | None]]:
    """Yield each expected bounce with what was read of its recipient; in their order if the recipients are unknown."""
    remaining = list(bounces)
    unmatched = []
    for report, recipient in zip_longest(mail.expected, mail.recipients[: len(mail.expected)]):
        bounce = next((bounce for bounce in remaining if (bounce.address or "").lower() == recipient), None)
        if bounce is not None:
            remaining.remove(bounce)
        if report.kind != "none":
            unmatched += [report] if bounce is None else []
            yield from [(report, bounce)] if bounce is not None else []
    yield from ((report, remaining.pop(0) if remaining else None) for report in unmatched)


def _compare(mail: CorpusMail, report: ExpectedReport, bounce: Bounce | None, figures: Figures) -> None:
    if report.kind == "complaint":
        figures.complaints += 1
        figures.complaints_read += bounce is not None and bounce.kind == "complaint"
        return
    figures.bounces += 1
    if bounce is None:
        return
    figures.attributed += bool(bounce.address or bounce.message_id)
    figures.hard += report.kind == "hard"
    figures.soft += report.kind == "soft"
    if bounce.kind == report.kind:
        return
    disputed = report.reason == "filtered" and bool(_NO_SUCH_USER.search(bounce.detail))
    figures.disputed += disputed
    figures.false_hard += report.kind == "soft" and not disputed
    figures.false_soft += report.kind == "hard"
    label = "disputed " if disputed else ""
    figures.differences.append(
        f"{mail.path.name}: {label}{bounce.kind}, expected {report.kind} ({report.reason}): {bounce.detail[:160]}"
    )


def _check_addresses(mail: CorpusMail, bounces: Sequence[Bounce], figures: Figures) -> None:
    for bounce in bounces if mail.recipients else ():
        if bounce.kind == "complaint" or not bounce.address:
            continue
        figures.with_address += 1
        if bounce.address.lower() not in mail.recipients:
            figures.wrong_recipient += 1
            figures.differences.append(f"{mail.path.name}: {bounce.address}, expected {sorted(mail.recipients)}")


def render_report(figures: dict[str, Figures]) -> str:
    """Return the table of the halves and, if there are several, of the whole corpus."""
    figures = figures | {"all": sum(figures.values(), Figures())} if len(figures) > 1 else figures
    columns = list(figures.values())
    rows: list[tuple[str, list[str]]] = [
        ("mails", [str(column.mails) for column in columns]),
        ("not recognised as bounces", [str(column.refused) for column in columns]),
        ("attributable", [
            _share(column.attributed, column.bounces) for column in columns
        ]),
        ("recipient right", [
            _share(column.with_address - column.wrong_recipient, column.with_address) for column in columns
        ]),
        ("agreement on hard or soft, disputed ones as errors", [
            _share(column.agreed, column.hard + column.soft) for column in columns
        ]),
        ("agreement on hard or soft, without disputed ones", [
            _share(column.agreed, column.hard + column.soft - column.disputed) for column in columns
        ]),
        ("soft read as hard", [_share(column.false_hard, column.soft) for column in columns]),
        ("soft read as hard, disputed", [_share(column.disputed, column.soft) for column in columns]),
        ("hard read as soft", [_share(column.false_soft, column.hard) for column in columns]),
        ("complaints recognised", [_share(column.complaints_read, column.complaints) for column in columns]),
        ("bounces read where there is none", [str(column.false_alarms) for column in columns]),
    ]  # fmt: skip
    header = f"| | {' | '.join(figures)} |\n| --- |{' ---: |' * len(columns)}\n"
    return header + "\n".join(f"| {label} | {' | '.join(cells)} |" for label, cells in rows) + "\n"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.0%})" if total else "none"


def main(arguments: Sequence[str]) -> None:
    """Print the open half and its differences; with ``--write``, write the figures of both into the documentation."""
    folder, *options = arguments
    figures = measure(list(load_corpus(Path(folder))))
    sys.stdout.write("\n".join([*figures["open"].differences, "", render_report({"open": figures["open"]})]))
    if "--write" in options:
        introduction = REPORT.read_text(encoding="utf-8").partition("\n| |")[0]
        REPORT.write_text(f"{introduction}\n{render_report(figures)}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
