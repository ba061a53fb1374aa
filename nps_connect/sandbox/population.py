"""The demo's people: invented, varied, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from nps_connect.records.responses import Segment, segment_of
from nps_connect.simulation import SimulatedPerson

Behaviour = Literal["press", "press_then_comment", "send", "look", "ignore"]
"""How somebody treats the mail: presses a score on the page and is done; presses, then adds a comment; fills in
everything and presses Send; only looks at the page; does not even open it."""

OptOutTiming = Literal["before", "during"]

FIRST_NAMES = {
    "fr": ("Amélie", "Bastien", "Chloé", "Didier", "Élodie", "Fabrice", "Gaëlle", "Hervé", "Inès", "Joël", "Maëlys"),
    "en": ("Alice", "Brian", "Carol", "Derek", "Emma", "Felix", "Grace", "Howard", "Ivy", "Jack", "Siân"),
}
LAST_NAMES = {
    "fr": ("Lefèvre", "Moreau", "N'Diaye", "Petit", "Roussel", "Ségur", "Thévenet"),
    "en": ("Abbott", "Clarke", "Fletcher", "O'Hara", "Pemberton", "Reed", "Whitlock"),
}
COMMENTS: dict[str, dict[Segment, tuple[str, ...]]] = {
    "fr": {
        "promoter": ("Rapide et très aimable, merci !", "Tout était parfait 👏", "Je reviendrai, c’est certain."),
        "passive": ("Correct, mais un peu lent.", "Bon produit ; l’emballage était abîmé."),
        "detractor": (
            "Trois semaines d’attente, et personne au téléphone.",
            "Colis reçu ouvert.\nJe demande un remplacement.",
            "Facture fausse : 2 < 3, non ? <b>Rappelez-moi</b>",
        ),
    },
    "en": {
        "promoter": ("Quick, friendly, spot on.", "Best purchase this year 🎉", "Your team went out of its way."),
        "passive": ("Fine overall, delivery could be faster.", "Good & solid, nothing special."),
        "detractor": (
            "Waited three weeks and nobody answered.",
            "Arrived broken.\nI would like a replacement.",
            'Charged twice; the form said "5 > 3"?',
        ),
    },
}


@dataclass(frozen=True)
class Persona:
    """One part of the cast: what somebody does in the play.

    Attributes:
        score: what they would answer, or none if they never confirm an answer.
        habit: how they treat the mail.
        opted_out: when they opt out at the CRM, if they do: before anything happens, or during the delay.
        webhook_resent: their vendor sends its webhook a second time.
        presses_twice: the browser sends the same answer twice at once.
        scanned: a mail scanner stands before their mailbox and opens every link.
        twice_eligible: two things happen to them, one survey must come of it.
    """

    score: int | None
    behaviour: Behaviour
    opted_out: OptOutTiming | None = None
    webhook_resent: bool = False
    double_submits: bool = False
    scanned: bool = False
    has_two_events: bool = False


@dataclass(frozen=True)
class Customer:
    """Somebody who may be asked.

    Attributes:
        person: as the vendors know them.
        part: what they do.
        comment: in their own words, or none.
    """

    person: SimulatedPerson
    persona: Persona
    comment: str | None

    @property
    def email(self) -> str:
        """Their address."""
        return self.person.email

    @property
    def segment(self) -> Segment | None:
        """The segment of the answer that they will confirm, if they are asked and confirm one."""
        if self.persona.score is None or self.persona.opted_out is not None:
            return None
        return segment_of(self.persona.score)


# The most telling parts stand first, so that a small population has them too.
PERSONAS = (
    Persona(10, "press_then_comment"),
    Persona(2, "press_then_comment"),
    Persona(8, "press"),
    Persona(9, "send", webhook_resent=True),
    Persona(0, "send", double_submits=True),
    Persona(None, "ignore", scanned=True),
    Persona(9, "send", opted_out="during"),
    Persona(4, "press", scanned=True),
    Persona(3, "send", opted_out="before"),
    Persona(7, "send"),
    Persona(None, "look"),
    Persona(10, "press", scanned=True),
    Persona(9, "press", double_submits=True),
    Persona(6, "send", webhook_resent=True),
    Persona(10, "send", has_two_events=True),
    Persona(None, "ignore"),
    Persona(8, "send", webhook_resent=True),
    Persona(10, "press"),
    Persona(5, "press_then_comment", double_submits=True),
    Persona(9, "press_then_comment"),
    Persona(None, "ignore"),
    Persona(7, "press_then_comment", scanned=True),
    Persona(10, "send"),
    Persona(None, "look", webhook_resent=True),
)
BEHAVIOURS_WITH_COMMENT: tuple[Behaviour, ...] = ("press_then_comment", "send")


def build_population(size: int, seed: int) -> tuple[Customer, ...]:
    """People for one play.

    Args:
        size: how many, at least 1. From 24 on every part of the cast is played.
        seed: the same seed gives the same people.
    """
    chance = random.Random(f"population:{seed}")  # noqa: S311  # repeatable
    parts = [PERSONAS[number % len(PERSONAS)] for number in range(size)]
    languages = [chance.choice(("fr", "fr", "en")) for _ in parts]
    names = {language: _generate_names(language, chance) for language in FIRST_NAMES}
    customers = [
        _build_customer(number, part, language, next(names[language]), chance)
        for number, (part, language) in enumerate(zip(parts, languages, strict=True))
    ]
    chance.shuffle(customers)
    return tuple(customers)


def _generate_names(language: str, chance: random.Random) -> Iterator[str]:
    """Names without end, no two alike."""
    names = [f"{first} {last}" for first in FIRST_NAMES[language] for last in LAST_NAMES[language]]
    chance.shuffle(names)
    for round_number in count(1):
        for name in names:
            yield name if round_number == 1 else f"{name} {round_number}"


def _build_customer(number: int, part: Persona, language: str, name: str, chance: random.Random) -> Customer:
    comment = None
    if part.score is not None and part.behaviour in BEHAVIOURS_WITH_COMMENT:
        comment = chance.choice(COMMENTS[language][segment_of(part.score)])
    return Customer(
        person=SimulatedPerson(
            email=f"customer-{number + 1:03d}@example.com",
            name=name,
            language=language,
            opted_out=part.opted_out == "before",
        ),
        persona=part,
        comment=comment,
    )
