"""The demo's customers: invented, varied, reproducible by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from nps_connect.records.base import Segment
from nps_connect.records.responses import segment_of
from nps_connect.simulation import SimulatedPerson

Behaviour = Literal["press", "press_then_comment", "send", "look", "ignore"]
"""How a customer reacts to the mail: presses a score button; presses a score and adds a comment; fills in the form and
submits it; only opens the page; does not open it."""

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
    """What a customer does in the scenario.

    Attributes:
        score: the score of their response; None if they never confirm one.
        behaviour: how they react to the mail.
        opted_out: when they opt out at the CRM: before the events, or during the delay; None if they do not.
        webhook_resent: whether the vendor sends the webhook a second time.
        double_submits: whether the browser submits the same response twice concurrently.
        scanned: whether a mail scanner opens every link of their mail first.
        has_two_events: whether two events happen to them, of which one survey must result.
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
    """A customer of the demo.

    Attributes:
        person: the person as the vendors know them.
        persona: what they do.
        comment: their comment, or None.
    """

    person: SimulatedPerson
    persona: Persona
    comment: str | None

    @property
    def email(self) -> str:
        """Return their address."""
        return self.person.email

    @property
    def segment(self) -> Segment | None:
        """Return the segment of the response that they confirm, or None if they confirm none."""
        if self.persona.score is None or self.persona.opted_out is not None:
            return None
        return segment_of(self.persona.score)


# The most varied personas come first, so that a small population has them too.
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
    """Return the customers of one scenario.

    Args:
        size: number of customers, at least 1; every persona occurs from 24 on.
        seed: the same seed returns the same customers.
    """
    rng = random.Random(f"population:{seed}")  # noqa: S311  # repeatable
    personas = [PERSONAS[number % len(PERSONAS)] for number in range(size)]
    languages = [rng.choice(("fr", "fr", "en")) for _ in personas]
    names = {language: _generate_names(language, rng) for language in FIRST_NAMES}
    customers = [
        _build_customer(number, persona, language, next(names[language]), rng)
        for number, (persona, language) in enumerate(zip(personas, languages, strict=True))
    ]
    rng.shuffle(customers)
    return tuple(customers)


def _generate_names(language: str, rng: random.Random) -> Iterator[str]:
    """Yield an endless sequence of different names."""
    names = [f"{first} {last}" for first in FIRST_NAMES[language] for last in LAST_NAMES[language]]
    rng.shuffle(names)
    for round_number in count(1):
        for name in names:
            yield name if round_number == 1 else f"{name} {round_number}"


def _build_customer(number: int, persona: Persona, language: str, name: str, rng: random.Random) -> Customer:
    comment = None
    if persona.score is not None and persona.behaviour in BEHAVIOURS_WITH_COMMENT:
        comment = rng.choice(COMMENTS[language][segment_of(persona.score)])
    return Customer(
        person=SimulatedPerson(
            email=f"customer-{number + 1:03d}@example.com",
            name=name,
            language=language,
            opted_out=persona.opted_out == "before",
        ),
        persona=persona,
        comment=comment,
    )
