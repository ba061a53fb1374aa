"""Small archives of other survey tools, written by hand in the shapes of their APIs' documentation."""

from __future__ import annotations

from typing import Any

DAY = 86400
NOW = 1_795_000_000
"""2026-11-18, before the present of every test."""

PEOPLE = [
    {"id": "1", "name": "Zoé Martin", "email": "zoe@example.com", "created_at": NOW - 900 * DAY,
     "last_sent_at": NOW - 10 * DAY, "last_responded_at": NOW - 9 * DAY, "next_survey_scheduled_at": NOW + 300 * DAY},
    {"id": "2", "name": None, "email": "paul@example.com", "created_at": NOW, "last_sent_at": None,
     "last_responded_at": None, "next_survey_scheduled_at": None},
    {"id": "3", "name": "Zoé Martin", "email": "ZOE@example.com", "created_at": NOW, "last_sent_at": None,
     "last_responded_at": None, "next_survey_scheduled_at": None},
    {"id": "4", "name": "Phone only", "email": None, "phone_number": "+10000000", "created_at": NOW,
     "last_sent_at": None, "last_responded_at": None, "next_survey_scheduled_at": None},
]  # fmt: skip
ENJOYED = {
    "id": "4",
    "value": {"free_response": None, "scale": None, "select_one": None, "select_many": [{"id": "D", "text": "Staff"}]},
    "question": {"id": "enum_z", "type": "select_many", "text": "What did you enjoy?"},
}


def response(number: int, person: str, score: int, at: int, **values: Any) -> dict[str, Any]:
    """A response as the API lists it."""
    return {
        "id": str(number), "person": person, "survey_type": "nps", "score": score, "comment": None,
        "permalink": "https://delighted.example.com/r/x", "created_at": at, "updated_at": None,
        "person_properties": {"country": "FR"}, "notes": [], "tags": [], "additional_answers": [], **values,
    }  # fmt: skip


NOTE = {"id": "1", "text": "Called back", "user_email": "staff@example.com", "created_at": NOW}
RESPONSES = [
    response(71, "1", 10, NOW - 9 * DAY, comment="=2+3", tags=["vip"], notes=[NOTE], additional_answers=[ENJOYED]),
    response(72, "3", 3, NOW - 40 * DAY),
    response(73, "2", 0, NOW - 40 * DAY),
    response(74, "4", 9, NOW - 41 * DAY),
    response(76, "4", -1, NOW - 41 * DAY),
    response(75, "2", 5, NOW, survey_type="csat"),
    response(71, "1", 10, NOW - 9 * DAY),
]
UNSUBSCRIBED = [{"person_id": "2", "email": "paul@example.com", "name": None, "unsubscribed_at": NOW}]
BOUNCED = [{"person_id": "9", "email": "gone@example.com", "name": "Gone", "bounced_at": NOW}]

ARCHIVES = {
    "asknicely": {
        "responses.json": {"success": True, "total": "2", "data": [
            {"response_id": "1", "contact_id": "5", "name": "Zoé", "email": "zoe@example.com", "answer": "8", "data": None,
             "comment": "", "note": "staff only", "sent": "1768813000", "responded": "1768813200", "question_type": "nps"},
            {"response_id": "2", "contact_id": "6", "name": "Paul", "email": "paul@example.com", "answer": None,
             "comment": "", "note": None, "sent": "1768813000", "responded": "0", "question_type": "nps"},
        ]},
        "unsubscribed.json": {"success": True, "data": [{"id": "7", "unsubscribetime": "1768813000", "email": "no@example.com"}]},
    },
    "retently": {
        "feedback.json": {"message": "Success.", "code": 200, "data": {"page": 1, "pages": 1, "responses": [
            {"id": "5a9", "customerId": "5b1", "email": "zoe@example.com", "firstName": "Zoé", "lastName": "Martin",
             "score": 8, "comment": "Bien", "metricsType": "nps", "createdDate": "2026-01-19T09:00:00.000Z",
             "feedbackTags": ["price"], "notes": [{"author": "a", "content": "ok", "date": "2026-01-20T09:00:00.000Z"}],
             "additionalQuestions": [{"questionText": "Why?", "answer": "Price", "type": "text"}]},
        ]}},
    },
}  # fmt: skip
