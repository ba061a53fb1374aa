"""Detect the encoding of a file from its bytes, in one pass and constant memory.

A byte order mark decides. Without one the file is UTF-8 if all of it is valid UTF-8, else Windows-1252 (what Excel
writes in Western Europe) if it has no bytes that Windows-1252 leaves undefined. A file that is partly UTF-8 is refused:
either choice would garble some names.
"""

from __future__ import annotations

import codecs
import re
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
"""Bytes that Windows-1252 leaves undefined."""

_UTF8_LETTER = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x80-\xbf]")
"""Letters of Western Europe, quotation marks and dashes in UTF-8. In Windows-1252 they are a capital A with a tilde, or
a small one with a circumflex, before a symbol, which words do not have."""


@dataclass(frozen=True)
class Encoding:
    """An encoding.

    Attributes:
        codec: name of the Python codec.
        label: name for people.
        is_guessed: the file does not prove it; people should check names with accents.
    """

    codec: str
    label: str
    is_guessed: bool = False


UTF8 = Encoding("utf-8", "UTF-8")
WINDOWS_1252 = Encoding("cp1252", "Windows-1252", is_guessed=True)


def detect_encoding(chunks: Iterable[bytes]) -> Encoding:
    """Detect the encoding of a file.

    Args:
        chunks: its bytes; the first chunk has at least `SNIFF_BYTES`, or all.

    Raises:
        InvalidImportFile: the file is empty, no text, or mixes encodings.
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
    for mark, codec, label in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(codec, label)
    even, odd = head[:SNIFF_BYTES:2].count(0), head[1:SNIFF_BYTES:2].count(0)
    if min(even, odd) == 0 and max(even, odd) * 5 > len(head[:SNIFF_BYTES]):  # every other byte of most letters
        return Encoding("utf-16-le" if odd else "utf-16-be", "UTF-16", is_guessed=True)
    return None


@dataclass
class _EncodingScanner:
    """Decodes as UTF-8 until that fails, then searches for bytes that Windows-1252 leaves undefined, and for UTF-8."""

    is_utf8: bool = True
    line: int = 1
    _beyond_ascii: bool = False
    _after_return: bool = False
    _end: bytes = b""
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
                line = self.line + _count_lines(good, after_return=self._after_return)
                byte = error.object[error.start]
                problem = f"the byte 0x{byte:02X} is not UTF-8, although text before it is"
                raise InvalidImportFile(problem, line=line, fix=ENCODING_FIX) from None
            self.is_utf8 = False
        else:
            self._beyond_ascii = self._beyond_ascii or not text.isascii()

    def _as_windows(self, chunk: bytes) -> None:
        position = min((index for index in map(chunk.find, _UNDEFINED_BYTES) if index >= 0), default=None)
        if position is not None:
            line = self.line + _count_lines(chunk[:position], after_return=self._after_return)
            problem = f"the byte 0x{chunk[position]:02X} is neither UTF-8 nor Windows-1252"
            raise InvalidImportFile(problem, line=line, fix=ENCODING_FIX)
        letter = _UTF8_LETTER.search(self._end + chunk)
        if letter is not None:
            position = max(letter.start() - len(self._end), 0)
            line = self.line + _count_lines(chunk[:position], after_return=self._after_return)
            problem = f"the bytes 0x{letter[0].hex().upper()} are UTF-8, although text before them is not"
            raise InvalidImportFile(problem, line=line, fix=ENCODING_FIX)
        self._end = (self._end + chunk)[-2:]

    def _count(self, chunk: bytes) -> None:
        self.line += _count_lines(chunk, after_return=self._after_return)
        self._after_return = chunk.endswith(b"\r")


def _count_lines(chunk: bytes, *, after_return: bool) -> int:
    """Number of line ends in a chunk; a line feed after a carriage return that ended the last chunk does not count."""
    ends = chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
    return ends - (after_return and chunk.startswith(b"\n"))
