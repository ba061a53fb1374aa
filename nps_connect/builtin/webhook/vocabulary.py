"""Words in names and values of payloads, English and French, without accents. Data of the proposals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CUSTOMER_WORDS = _words(
    "customer buyer billing client invitee attendee attendees recipient contact user payer guest patient member student"
    " acheteur tiers destinataire participant adherent abonne eleve"
)
STAFF_WORDS = _words(
    "seller merchant host organizer owner staff agent support sender from created shop"
    " vendeur collaborateur employe conseiller magasin salon garage"
)
PART_WORDS = _words(
    "line lines items products product address shipping metadata tracking request customer payment course room"
    " ligne lignes articles article produit produits adresse paiement prestation cours formation chambre"
)
"""Names of parts of an object: their ids are not the object's, and their states not its state."""

ATTRIBUTE_WORDS = _words("currency country language lang locale zip postal devise pays langue monnaie tax tva barre")
"""Words of codes that identify no object."""

ID_WORDS = _words("id uuid uid uri reference ref number no code identifiant numero num")
CONTAINER_WORDS = _words("object payload data content msg message parcel piece document")

NOUN_WORDS: Mapping[str, frozenset[str]] = {
    "subscription": _words("subscription abonnement"),
    "invoice": _words("invoice facture"),
    "repair": _words("repair reparation"),
    "course": _words("course enrollment enrolment formation cours inscription"),
    "appointment": _words("appointment booking meeting invitee reservation visit encounter rendez rdv consultation"),
    "order": _words("order commande sale vente"),
    "ticket": _words("ticket billet"),
    "stay": _words("stay reservation sejour"),
}
"""Words of an object by the noun of its kind of event, the most telling first."""

VERB_WORDS: Mapping[str, frozenset[str]] = {
    "renewed": _words("renewed renewal cycle renouvele renouvelee"),
    "delivered": _words("delivered received livre livree recu recue"),
    "shipped": _words("shipped fulfilled dispatched expedie expediee"),
    "completed": _words(
        "completed complete ended finished closed attended done"
        " honore honoree termine terminee cloture cloturee restitue restituee effectue effectuee"
    ),
    "paid": _words("paid settled paye payee regle reglee encaisse encaissee"),
}
"""Words that say what happened, by the verb of the kind of event; what comes later in the life of an object first."""

UNFINISHED_WORDS = _words(
    "canceled cancelled void voided refunded rejected failed expired deleted absent noshow undelivered unpaid"
    " incomplete not no for transit pending processing draft open annule annulee rembourse remboursee refuse refusee"
    " echoue attente brouillon impaye impayee"
)
"""Words of states in which nobody is surveyed."""

TOPIC_NAMES = _words(
    "type event eventtype topic action triggerevent event_type eventname trigger resource resourcetype evenement"
)
STATE_WORDS = _words("status state statut etat tag")
GENERIC_WORDS = _words("update updated change changed modified notification status state")

MOMENT_WORDS: Mapping[str, tuple[str, ...]] = {
    "delivered": ("delivered", "delivery", "received", "livraison", "reception"),
    "shipped": ("shipped", "fulfilled", "expedition"),
    "completed": (
        "completed",
        "closed",
        "ended",
        "end",
        "ends",
        "finished",
        "checkout",
        "out",
        "fin",
        "cloture",
        "restitution",
    ),
    "paid": ("paid", "settled", "reglement", "paiement"),
    "renewed": ("renewed", "renouvellement"),
    "scanned": ("scanned", "scan"),
    "": ("processed", "occurred", "evenement"),
}
"""Words of the moment at which something became true, by verb."""

LATER_MOMENT_WORDS = ("timestamp", "ts", "created", "date", "time", "updated", "modified")
START_WORDS = _words(
    "period term start starts started opened begin arrival checkin expires due debut entree ouverture arrivee echeance"
    " birth"
)
FIELD_WORDS: Mapping[str, tuple[str, ...]] = {
    "total": ("total", "amount", "montant", "prix", "price"),
    "currency": ("currency", "devise"),
    "country": ("country", "pays"),
    "location": ("location", "store", "branch", "magasin"),
    "service": ("service",),
    "plan": ("plan",),
}
PART_OF_TOTAL_WORDS = _words("subtotal sub due tax discount shipping tip ht tva remise")
FIRST_NAMES = frozenset({("first", "name"), ("firstname",), ("given", "name"), ("prenom",)})
LAST_NAMES: Sequence[tuple[str, ...]] = (
    ("last", "name"),
    ("lastname",),
    ("family", "name"),
    ("surname",),
    ("nom", "famille"),
    ("nom",),
)
FULL_NAMES: Sequence[tuple[str, ...]] = (("name",), ("full", "name"), ("fullname",), ("nom", "complet"), ("nom",), ())
LANGUAGE_WORDS = _words("locale language lang langue")
