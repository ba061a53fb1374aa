"""Feedback submissions, as the API lists them or an export of the same properties has them.

Properties: https://developers.hubspot.com/docs/api/crm/feedback-submissions. ``hs_contact_email_rollup`` is the address
of the contact, ``hs_content`` the comment. Submissions of CSAT and CES surveys are left out by ``hs_survey_type``.
"""

from __future__ import annotations

from nps_connect import ImportLayout

_COLUMNS = {
    "id": ("id", "hs_object_id"),
    "email": ("properties.hs_contact_email_rollup", "hs_contact_email_rollup"),
    "person_id": ("properties.hs_contact_id", "hs_contact_id"),
    "first_name": ("properties.hs_contact_firstname", "hs_contact_firstname"),
    "name": ("properties.hs_contact_lastname", "hs_contact_lastname"),
    "score": ("properties.hs_value", "hs_value"),
    "comment": ("properties.hs_content", "hs_content"),
    "answered_at": ("properties.hs_submission_timestamp", "hs_submission_timestamp"),
    "metric": ("properties.hs_survey_type", "hs_survey_type"),
    "touchpoint": ("properties.hs_survey_name", "hs_survey_name"),
}

IMPORT_LAYOUTS = (
    ImportLayout(
        source="hubspot",
        kind="responses",
        columns=_COLUMNS,
        recognized_by=("properties.hs_value", "properties.hs_submission_timestamp"),
    ),
    ImportLayout(
        source="hubspot",
        kind="responses",
        columns=_COLUMNS,
        recognized_by=("hs_value", "hs_submission_timestamp"),
    ),
)
