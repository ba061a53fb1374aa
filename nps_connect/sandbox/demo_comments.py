"""Invented comments of the demo's customers, and the causes that detractors choose from."""

from __future__ import annotations

OTHER_CAUSE = "other"
CAUSE_QUESTION = {"fr": "Qu’est-ce qui vous a déplu ?", "en": "What disappointed you?"}
CAUSES: dict[str, dict[str, str]] = {
    "delivery": {"fr": "La livraison", "en": "Delivery"},
    "quality": {"fr": "La qualité", "en": "Quality"},
    "service": {"fr": "L’accueil", "en": "Service"},
    "price": {"fr": "Le prix", "en": "Price"},
}
OTHER_CAUSE_TEXT = {"fr": "Autre chose", "en": "Something else"}

COMMENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "fr": {
        "promoter": (
            "Accueil chaleureux et conseils précis, merci à toute l’équipe.",
            "Livraison à l’heure, montage soigné, rien à redire.",
            "Très bon rapport qualité-prix.",
            "La vendeuse nous a vraiment écoutés. Parfait !",
            "Produit conforme à la description, je recommande.",
            "Rapide, simple, agréable. Je reviendrai.",
        ),
        "passive": (
            "Bien dans l’ensemble, mais un peu d’attente en caisse.",
            "Bon produit, notice difficile à comprendre.",
            "Correct. Le choix de couleurs est limité.",
            "Livraison correcte, emballage excessif.",
        ),
        "delivery": (
            "Livraison reportée trois fois, sans aucune explication.",
            "Colis livré avec deux semaines de retard.",
            "J’ai posé une journée de congé et personne n’est venu livrer.",
            "Le transporteur a laissé le colis ouvert devant la porte.",
        ),
        "quality": (
            "Un pied cassé dès le premier jour.",
            "La qualité a baissé, le bois est rayé.",
            "Il manque des vis et la finition est mauvaise.",
        ),
        "service": (
            "Personne au téléphone, j’ai rappelé cinq fois.",
            "Vendeur pressé, aucune réponse à mes questions.",
            "Le service après-vente ne répond pas à mes messages.",
        ),
        "price": (
            "Trop cher pour ce que c’est.",
            "Le prix en magasin n’était pas celui du site.",
            "Frais de livraison annoncés au dernier moment.",
        ),
        "other": (
            "Déçu, je m’attendais à mieux.",
            "Facture fausse : 2 < 3, non ? <b>Rappelez-moi</b>",
            "=1+1 est le total de ma facture, semble-t-il.",
        ),
    },
    "en": {
        "promoter": (
            "Friendly staff who really know their products.",
            "Delivered on time and assembled with care.",
            "Great value, would buy again.",
            "Quick, easy and pleasant.",
        ),
        "passive": ("Fine overall, a bit of a wait at the till.", "Good product, poor instructions."),
        "delivery": (
            "Delivery was two weeks late and nobody called.",
            "Took a day off and the driver never came.",
            "The parcel arrived open.",
        ),
        "quality": ("A leg broke on the first day.", "Scratched wood and missing screws."),
        "service": ("Nobody answers the phone.", "The shop assistant had no time for us."),
        "price": ("Overpriced for what it is.", "The price in the shop differed from the website."),
        "other": ("Disappointed, expected better.", 'The bill said "5 > 3"? Please call me.'),
    },
}
