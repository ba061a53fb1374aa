"""Three invented shops over twelve months: who bought what, was asked when, and said what; reproducible by seed.

Lyon improves. In Lille deliveries are late since three months. Paris stays as it is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from nps_connect.records.responses import CollectedBy
from nps_connect.sandbox.demo_comments import CAUSES, COMMENTS, OTHER_CAUSE
from nps_connect.sandbox.population import FIRST_NAMES, LAST_NAMES

Outcome = Literal["in_cooldown", "opted_out", "bounced", "ignored", "viewed", "provisional", "answered", "imported"]
"""What became of a purchase: no survey because of the cooldown or an opt-out; a survey that bounced, was not opened,
only opened, only pressed in the mail, or answered; or an answer that another tool collected."""

HISTORY = timedelta(days=364)
PROBLEM_SINCE = timedelta(days=91)
IMPORTED_UNTIL = timedelta(days=322)
"""Older answers come from another tool."""

NOT_ASKED_YET = timedelta(hours=26)
"""Customers are asked one day after the purchase; the history ends with those who were."""

PURCHASES_PER_RESPONSE = 3.0
RETURNING = 0.1
COOLDOWN = timedelta(days=90)
WITH_SCORE = ("answered", "imported", "provisional")
WEEKDAY_WEIGHTS = (0.6, 0.8, 1.0, 1.0, 1.3, 1.9, 0.15)
OUTCOMES: dict[Outcome, float] = {
    "answered": 0.32,
    "in_cooldown": 0.09,
    "opted_out": 0.01,
    "bounced": 0.015,
    "provisional": 0.02,
    "viewed": 0.09,
    "ignored": 0.455,
}
PRODUCTS = {"fr": ("Canapé", "Lit", "Table", "Lampe", "Bureau"), "en": ("Sofa", "Bed", "Table", "Lamp", "Desk")}
COMMENTED = {"promoter": 0.35, "passive": 0.4, "detractor": 0.75}


@dataclass(frozen=True)
class DemoShop:
    """A shop of the demo.

    Attributes:
        name: of the town.
        weight: its part of the purchases.
        advisers: who sells there.
    """

    name: str
    weight: float
    advisers: tuple[str, ...]


DEMO_SHOPS = (
    DemoShop("Lyon", 0.4, ("Camille Perrin", "Yanis Benali", "Sophie Laurent", "Hugo Marchand")),
    DemoShop("Paris", 0.35, ("Nadia Cohen", "Thomas Girard", "Léa Fontaine")),
    DemoShop("Lille", 0.25, ("Julie Dubois", "Marc Vanhoutte")),
)


@dataclass(frozen=True)
class DemoPurchase:
    """One purchase, and what became of it.

    Attributes:
        number: from 1.
        shop, adviser, product: where, from whom, what.
        name, email, phone, language: of the customer.
        bought_at: when (UTC).
        outcome: what became of it.
        answered_after: time from the mail to the answer or the visit.
        score: the score that was given or pressed; None without one.
        first_score: an earlier score that the customer changed; None if there is none.
        comment: None without one.
        cause: of a detractor, as chosen on the page: a key of `CAUSES`.
        collected_by: how the answer was collected.
        asks_no_contact: the customer does not want to be called.
    """

    number: int
    shop: str
    adviser: str
    product: str
    name: str
    email: str
    phone: str
    language: str
    bought_at: datetime
    outcome: Outcome
    answered_after: timedelta
    score: int | None = None
    first_score: int | None = None
    comment: str | None = None
    cause: str | None = None
    collected_by: CollectedBy = "web"
    asks_no_contact: bool = False


def build_purchases(now: datetime, responses: int, seed: int) -> tuple[DemoPurchase, ...]:
    """Return the purchases of twelve months, oldest first.

    Args:
        now: their end (UTC).
        responses: about how many of them are answered.
        seed: the same seed, number and time of day give the same purchases.
    """
    rng = random.Random(f"purchases:{seed}")  # noqa: S311  # repeatable
    end = now - NOT_ASKED_YET
    moments = sorted(_generate_moment(end, rng) for _ in range(round(responses * PURCHASES_PER_RESPONSE)))
    purchases: list[DemoPurchase] = []
    for number, moment in enumerate(moments, start=1):
        purchase = _generate_purchase(number, moment, now, rng)
        if rng.random() < RETURNING and purchases:
            purchase = _by_customer_of(rng.choice(purchases), purchase)
        purchases.append(_with_response(purchase, now, rng) if purchase.outcome in WITH_SCORE else purchase)
    return tuple(purchases)


def promoter_and_detractor_share(shop: str, age: timedelta) -> tuple[float, float]:
    """Return the shares of promoters and detractors that a shop has so long ago.

    Args:
        shop: its name.
        age: before the end of the history.
    """
    if shop == "Lyon":
        progress = min(max((timedelta(days=270) - age) / timedelta(days=180), 0.0), 1.0)
        return 0.42 + 0.26 * progress, 0.28 - 0.18 * progress
    if shop == "Lille" and age < PROBLEM_SINCE:
        return 0.34, 0.40
    return 0.56, 0.15


def _generate_moment(now: datetime, rng: random.Random) -> datetime:
    while True:
        moment = now - HISTORY * rng.random()
        if rng.random() * max(WEEKDAY_WEIGHTS) < WEEKDAY_WEIGHTS[moment.weekday()]:
            opened = moment.replace(hour=9, minute=0, second=0, microsecond=0)
            return min(opened + timedelta(seconds=rng.randrange(9 * 3600)), now)


def _generate_purchase(number: int, moment: datetime, now: datetime, rng: random.Random) -> DemoPurchase:
    shop = rng.choices(DEMO_SHOPS, [shop.weight for shop in DEMO_SHOPS])[0]
    adviser = rng.choice(shop.advisers)
    language = rng.choices(("fr", "en"), (0.82, 0.18))[0]
    product = rng.choice(PRODUCTS[language])
    name = f"{rng.choice(FIRST_NAMES[language])} {rng.choice(LAST_NAMES[language])}"
    outcome = rng.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
    age = now - moment
    answered_after = timedelta(hours=min(rng.lognormvariate(2.2, 1.1), 300))
    if outcome == "answered" and age > IMPORTED_UNTIL:
        outcome = "imported"
    elif moment + NOT_ASKED_YET + answered_after > now:  # not yet
        outcome = "ignored"
    return DemoPurchase(
        number,
        shop.name,
        adviser,
        product,
        name,
        f"client-{number:04d}@example.com",
        f"+33 1 99 00 {number // 100 % 100:02d} {number % 100:02d}",
        language,
        moment,
        outcome,
        answered_after,
    )


def _by_customer_of(earlier: DemoPurchase, purchase: DemoPurchase) -> DemoPurchase:
    """Return a purchase by the customer of an earlier one, who is asked only after the cooldown."""
    is_too_early = purchase.bought_at - earlier.bought_at < COOLDOWN or earlier.outcome in ("bounced", "opted_out")
    return replace(
        purchase,
        name=earlier.name,
        email=earlier.email,
        phone=earlier.phone,
        language=earlier.language,
        shop=earlier.shop,
        adviser=earlier.adviser,
        product=earlier.product,
        outcome="in_cooldown" if is_too_early or purchase.outcome == "imported" else purchase.outcome,
    )


def _with_response(purchase: DemoPurchase, now: datetime, rng: random.Random) -> DemoPurchase:
    age = now - purchase.bought_at
    promoters, detractors = promoter_and_detractor_share(purchase.shop, age)
    passives = 1 - promoters - detractors
    segments = ("promoter", "passive", "detractor")
    segment = rng.choices(segments, (promoters, passives, detractors))[0]
    score = rng.choice({"promoter": (9, 10, 10), "passive": (7, 8, 8), "detractor": (0, 2, 3, 4, 5, 5, 6, 6)}[segment])
    cause = comment = first_score = None
    if segment == "detractor":
        is_late = purchase.shop == "Lille" and age < PROBLEM_SINCE and rng.random() < 0.75
        cause = "delivery" if is_late else rng.choice((*CAUSES, OTHER_CAUSE))
    if rng.random() < COMMENTED[segment]:
        comment = _choose_comment(purchase.language, segment, cause, rng)
    if rng.random() < 0.03:
        first_score = max(score - 3, 0) if score > 3 else score + 2
    return replace(
        purchase,
        score=score,
        first_score=first_score if purchase.outcome == "answered" else None,
        comment=comment,
        cause=cause,
        collected_by=_collected_by(purchase.outcome, rng),
        asks_no_contact=rng.random() < 0.03,
    )


def _collected_by(outcome: Outcome, rng: random.Random) -> CollectedBy:
    if outcome == "imported":
        return "import"
    collected: Sequence[CollectedBy] = ("web", "phone", "paper")
    return rng.choices(collected, (0.93, 0.05, 0.02))[0]


def _choose_comment(language: str, segment: str, cause: str | None, rng: random.Random) -> str:
    return rng.choice(COMMENTS[language][cause if segment == "detractor" and cause else segment])
