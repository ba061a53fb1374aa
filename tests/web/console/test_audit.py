"""The audit log in the words of the console: who did what to whom, page by page, hostile text harmless."""

from nps_connect.ledger.audit_log import Actor, record_audit


def test_entries_name_people_not_ids(admin, admin_client):
    page = admin_client.get("/console/audit").text
    assert "gave access" in page
    assert "Claire Dubois" in page
    assert admin.public_id not in page


def test_entries_are_paged_and_filtered_by_who_did_it(admin_client, ledger, clock):
    with ledger.write() as session:
        for number in range(60):
            record_audit(session, Actor("cli", "night"), "bounces confirm", f"connection:m{number:02}", now=clock())
        record_audit(session, Actor("api", "<b>shop</b>"), "pause", "survey:x", now=clock(), reason="<script>")
    first = admin_client.get("/console/audit")
    assert "&lt;b&gt;shop&lt;/b&gt;" in first.text
    assert "<script>" not in first.text
    assert "connection:m59" in first.text
    assert "connection:m10" not in first.text
    older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "connection:m10" in admin_client.get(older).text
    assert "gave access" not in admin_client.get("/console/audit?by=night").text
    assert admin_client.get("/console/audit?before=99999999999999999999999").status_code == 200
