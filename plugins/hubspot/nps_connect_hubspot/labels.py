"""Labels of properties and words of notes for CRM users, in the company's language (English or French)."""

from __future__ import annotations

_ENGLISH = {
    "group": "Net Promoter Score",
    "description": "Written by nps_connect. Do not edit: the next response or change overwrites it.",
    "score": "NPS score",
    "category": "NPS category",
    "comment": "NPS comment",
    "answered_at": "NPS answered at",
    "survey": "NPS survey",
    "touchpoint": "NPS touchpoint",
    "previous_score": "NPS previous score",
    "response_id": "NPS response id",
    "response_count": "NPS number of responses",
    "case_state": "NPS case",
    "case_opened_at": "NPS case opened at",
    "case_changed_at": "NPS case in this state since",
    "case_handled_by": "NPS case handled by",
    "case_recovered_score": "NPS score after recovery",
    "case_ticket": "NPS case ticket",
    "case_reference": "NPS case (reference)",
    "case": "NPS case",
    "task": "Unhappy customer",
    "open": "Open",
    "solved": "Solved",
    "recovered": "Recovered",
    "promoter": "Promoter",
    "passive": "Passive",
    "detractor": "Detractor",
    "reference": "Reference",
}
_FRENCH = {
    "group": "Net Promoter Score",
    "description": "Écrit par nps_connect. Ne pas modifier : la prochaine réponse ou mise à jour l'écrasera.",
    "score": "Note NPS",
    "category": "Catégorie NPS",
    "comment": "Commentaire NPS",
    "answered_at": "Date de réponse NPS",
    "survey": "Enquête NPS",
    "touchpoint": "Point de contact NPS",
    "previous_score": "Note NPS précédente",
    "response_id": "Identifiant de réponse NPS",
    "response_count": "Nombre de réponses NPS",
    "case_state": "Dossier NPS",
    "case_opened_at": "Dossier NPS ouvert le",
    "case_changed_at": "Dossier NPS dans cet état depuis le",
    "case_handled_by": "Dossier NPS traité par",
    "case_recovered_score": "Note NPS après résolution",
    "case_ticket": "Ticket du dossier NPS",
    "case_reference": "Dossier NPS (référence)",
    "case": "Dossier NPS",
    "task": "Client mécontent",
    "open": "Ouvert",
    "solved": "Résolu",
    "recovered": "Client reconquis",
    "promoter": "Promoteur",
    "passive": "Passif",
    "detractor": "Détracteur",
    "reference": "Référence",
}


def translate(key: str, language: str) -> str:
    """Return a label in a language; English for languages without labels."""
    return (_FRENCH if language.lower().startswith("fr") else _ENGLISH)[key]
