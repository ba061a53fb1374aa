"""Which encoding a file is in, found out from its bytes in one pass and constant memory.

A byte order mark is believed. Without one the file is UTF-8 if all of it is; else Windows-1252 (what Excel writes for
Western Europe), if nothing speaks against it. A file that is partly UTF-8 is refused: whatever we chose would garble
some names.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field

from nps_connect.rules.imports.row_errors import InvalidImportFile

SNIFF_BYTES = 4096
ENCODING_FIX = "save it as CSV UTF-8, or name its encoding with --encoding"

_WORKBOOK_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_UNDEFINED_BYTES = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Bytes that Windows-1252 does not use."""


@dataclass(frozen=True)
class Encoding:
    """An encoding.

    Attributes:
        codec: Python's name of it.
        told: the name for people.
        guessed: nothing in the file says so: people should look at names with accents.
    """

    codec: str
    told: str
    guessed: bool = False


UTF8 = Encoding("utf-8", "UTF-8")
WINDOWS_1252 = Encoding("cp1252", "Windows-1252", guessed=True)


def detect_encoding(chunks: Iterable[bytes]) -> Encoding:
    """The encoding of a file, from its bytes in pieces of at least `HEAD` bytes.

    Raises:
        FileRefused: empty, no text at all, or no one encoding.
    """
    scan = _EncodingScanner()
    first = True
    for chunk in chunks:
        if first:
            marked = _detect_from_head(chunk)
            if marked is not None:
                return marked
            first = False
        scan.feed(chunk)
    if first:
        raise InvalidImportFile("the file is empty", line=1, fix="export it again")
    scan.end()
    return UTF8 if scan.is_utf8 else WINDOWS_1252


def _detect_from_head(head: bytes) -> Encoding | None:
    if head.startswith(_WORKBOOK_SIGNATURES):
        raise InvalidImportFile("this is a workbook, not a CSV file", line=1, fix="in Excel: File, Save as, CSV UTF-8")
    for mark, codec, told in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(codec, told)
    even, odd = head[:SNIFF_BYTES:2].count(0), head[1:SNIFF_BYTES:2].count(0)
    if min(even, odd) == 0 and max(even, odd) * 5 > len(head[:SNIFF_BYTES]):  # every other byte of most letters
        return Encoding("utf-16-le" if odd else "utf-16-be", "UTF-16", guessed=True)
    return None


@dataclass
class _EncodingScanner:
    """Reads as UTF-8 until that fails, then looks for what Windows-1252 cannot be."""

    is_utf8: bool = True
    line: int = 1
    _beyond_ascii: bool = False
    _after_return: bool = False
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def feed(self, chunk: bytes) -> None:
        if self.is_utf8:
            self._as_utf8(chunk, final=False)
        if not self.is_utf8:
            self._as_windows(chunk)
        self._count(chunk)

    def end(self) -> None:
        if self.is_utf8:
            self._as_utf8(b"", final=True)

    def _as_utf8(self, chunk: bytes, *, final: bool) -> None:
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            good = error.object[: error.start]
            if self._beyond_ascii or not good.isascii():
                at = self.line + _count_lines(good, after_return=self._after_return)
                byte = error.object[error.start]
                problem = f"the byte 0x{byte:02X} is not UTF-8, although text before it is"
                raise InvalidImportFile(problem, line=at, fix=ENCODING_FIX) from None
            self.is_utf8 = False
        else:
            self._beyond_ascii = self._beyond_ascii or not text.isascii()

    def _as_windows(self, chunk: bytes) -> None:
        at = min((place for place in map(chunk.find, _UNDEFINED_BYTES) if place >= 0), default=None)
        if at is not None:
            line = self.line + _count_lines(chunk[:at], after_return=self._after_return)
            problem = f"the byte 0x{chunk[at]:02X} is neither UTF-8 nor Windows-1252"
            raise InvalidImportFile(problem, line=line, fix=ENCODING_FIX)

    def _count(self, chunk: bytes) -> None:
        self.line += _count_lines(chunk, after_return=self._after_return)
        self._after_return = chunk.endswith(b"\r")


def _count_lines(chunk: bytes, *, after_return: bool) -> int:
    """How many lines end in a piece; a line feed that follows the return of the piece before ends none."""
    ends = chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
    return ends - (after_return and chunk.startswith(b"\n"))
