"""Mask what identifies a person in a text, for readers who may not see it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MASKED_ADDRESS, MASKED_NUMBER, MASKED_NAME, MASKED_CODE = "[address]", "[number]", "[name]", "[code]"
MIN_NAME_LENGTH = 3
"""Shorter parts of a name, such as initials, occur in other words; two letters count if written exactly so."""

INVISIBLE_CHARACTERS = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180b-\u180f\u200b-\u200d\u2060-\u2064\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that show nothing, by which a word can be broken up unseen."""

_AT = r"(?:\s?@\s?|%40|\s?[\[({<]\s?(?:at|arobase|@)\s?[\])}>]\s?|\s(?:at|arobase)\s(?=\S+\s?(?:\.|dot\s|point\s)))"
_DOT = r"(?:\s?\.\s?|\s?[\[({<]\s?(?:dot|point|\.)\s?[\])}>]\s?|\s(?:dot|point)\s)"
_SPACED_ADDRESS = re.compile(rf"(?<![\w.+%=-])[\w.+%=-]+{_AT}[\w-]+(?:{_DOT}[\w-]+)+", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:\"[^\"\n]{1,64}\"|(?<![^\s<>\"'(),;:\[\]])[^\s<>\"'(),;:\[\]]+)@[^\s<>\"'(),;:\[\]]+")
_NUMBER = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d\b)\+?\(?\d(?:[ \u00a0\u2010-\u2015\u202f./()-]{0,2}\d){6,}(?!\w)")
"""Seven or more digits, however they are grouped: telephone, account and order numbers, and times."""

_STREET_KINDS = r"rue|avenue|av\.?|boulevard|bd\.?|place|chemin|all[ée]e|impasse|route|quai|cours|square"
_ENGLISH_STREET_KINDS = r"street|st|road|rd|avenue|ave|lane|drive|court|square|terrace"
_STREET = re.compile(
    rf"\b\d{{1,5}}(?:\s?(?:bis|ter))?,?\s(?:(?:{_STREET_KINDS})\s[^\n,.;:]{{1,60}}"
    rf"|(?:[\w'-]+\s){{1,4}}(?:{_ENGLISH_STREET_KINDS})\b)",
    re.IGNORECASE,
)
_POSTCODE = re.compile(r"\b\d{5}\s[A-ZÀ-Þ][\w'-]+")
_CODE = re.compile(
    r"(?<![\w/+-])(?=[\w/+=-]*(?:[0-9+/=]|[a-z][A-Z]))(?=[\w/+=-]*[A-Za-z])[\w/+-]{20,}={0,2}(?!\w)", re.ASCII
)
"""What may be an encoded address: 20 or more letters and digits without a space."""

_WORD = re.compile(r"[^\W_]+")
_LOOKALIKES = str.maketrans("аеорсухіјѕһԁԛԝкмнтвαεορτυνικ", "aeopcyxijshdqwkmhtbaeoptuvik")
"""Cyrillic and Greek letters that look like Latin ones."""


def mask_personal_data(text: str, names: Iterable[str] = ()) -> str:
    """Return a text without addresses, long numbers, long codes and the given names.

    Args:
        text: in any language.
        names: of the person; each word of at least three letters is masked wherever it stands alone, whatever its
            accents and capitals, and so are two or more of them written as one word.
    """
    masked = INVISIBLE_CHARACTERS.sub("", unicodedata.normalize("NFKC", INVISIBLE_CHARACTERS.sub("", text)))
    for pattern in (_SPACED_ADDRESS, _ADDRESS, _STREET, _POSTCODE):
        masked = pattern.sub(MASKED_ADDRESS, masked)
    masked = _CODE.sub(MASKED_CODE, _NUMBER.sub(MASKED_NUMBER, masked))
    parts = [_WORD.findall(unicodedata.normalize("NFKC", INVISIBLE_CHARACTERS.sub("", name))) for name in names]
    short = {word for words in parts for word in words if len(word) == 2 and not word.islower()}
    folded = {part for words in parts for part in _join_words(words) if len(part) >= MIN_NAME_LENGTH}
    if not folded and not short:
        return masked
    for word in sorted((word for word in folded if _is_unspaced(word)), key=len, reverse=True):
        masked = masked.replace(word, MASKED_NAME)
    return _WORD.sub(lambda match: _mask_word(match, folded, short), masked)


def _mask_word(match: re.Match[str], folded: set[str], short: set[str]) -> str:
    """Return a word of a text, or the mask where it is a name; the words of masks stay."""
    word, text = match[0], match.string
    is_mask = text[match.start() - 1 : match.start()] == "[" and text[match.end() : match.end() + 1] == "]"
    return MASKED_NAME if not is_mask and (word in short or _fold(word) in folded) else word


def _join_words(words: list[str]) -> Iterable[str]:
    """Return each word, and each run of words written as one."""
    folded = [_fold(word) for word in words[:8]]
    for start in range(len(folded)):
        for end in range(start + 1, len(folded) + 1):
            yield "".join(folded[start:end])


def _fold(word: str) -> str:
    """Return a word without accents and capitals, with Latin letters for those that look like them."""
    decomposed = unicodedata.normalize("NFKD", word.casefold().translate(_LOOKALIKES))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _is_unspaced(word: str) -> bool:
    """Return whether a word is of a script that puts no spaces between words."""
    return any("\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3" for character in word)
