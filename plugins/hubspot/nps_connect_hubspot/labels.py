"""Labels of properties and words of notes for CRM users, in the company's language (English or French)."""

from __future__ import annotations

_ENGLISH = {
    "group": "Net Promoter Score",
    "description": "Written by nps_connect. Do not edit: the next response overwrites it.",
    "score": "NPS score",
    "category": "NPS category",
    "comment": "NPS comment",
    "answered_at": "NPS answered at",
    "survey": "NPS survey",
    "touchpoint": "NPS touchpoint",
    "previous_score": "NPS previous score",
    "response_id": "NPS response id",
    "response_count": "NPS number of responses",
    "promoter": "Promoter",
    "passive": "Passive",
    "detractor": "Detractor",
    "reference": "Reference",
}
_FRENCH = {
    "group": "Net Promoter Score",
    "description": "Écrit par nps_connect. Ne pas modifier : la réponse suivante l'écrase.",
    "score": "Note NPS",
    "category": "Catégorie NPS",
    "comment": "Commentaire NPS",
    "answered_at": "Date de réponse NPS",
    "survey": "Enquête NPS",
    "touchpoint": "Point de contact NPS",
    "previous_score": "Note NPS précédente",
    "response_id": "Identifiant de réponse NPS",
    "response_count": "Nombre de réponses NPS",
    "promoter": "Promoteur",
    "passive": "Passif",
    "detractor": "Détracteur",
    "reference": "Référence",
}


def translate(key: str, language: str) -> str:
    """Return a label in a language; English for languages without labels."""
    return (_FRENCH if language.lower().startswith("fr") else _ENGLISH)[key]
