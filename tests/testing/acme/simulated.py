"""Simulated Acme: a small CRM with a helpdesk, as the contract kit expects vendors to be."""

import hashlib
import hmac
import json
import threading

from nps_connect import SimulatedVendor, VendorEffects, VendorWebhook, json_reply, system_clock

TOKEN = "sentinel-token"
SECRET = "sentinel-webhook-secret"
KINDS = ("deal.won", "deal.lost")


def sign(secret, moment, body):
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


class SimulatedAcme(SimulatedVendor):
    name = "acme"

    def __init__(self, clock=system_clock):
        super().__init__(clock)
        self.lock = threading.RLock()
        self.people = {}
        self.tickets = {}
        self.keys = {}
        self.fields = []
        self.events = []

    def handle(self, request):
        with self.lock:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return json_reply(401, {"why": "no such token"})
            handler = getattr(self, f"{request.method}_{request.path.strip('/').replace('/', '_')}".lower(), None)
            return handler(request) if handler else json_reply(404, {"why": "no such address"})

    def get_me(self, _request):
        return json_reply(200, {"name": "The account"})

    def get_fields(self, _request):
        return json_reply(200, {"fields": self.fields})

    def post_fields(self, request):
        self.fields.append(request.json()["name"])
        return json_reply(201, {})

    def post_people_search(self, request):
        query = request.json()
        emails, ids = {email.lower() for email in query["emails"]}, set(query["ids"])
        return json_reply(200, {"people": [p for p in self.people.values() if p["email"] in emails or p["id"] in ids]})

    def post_people_scores(self, request):
        if "nps" not in self.fields:
            return json_reply(400, {"why": "no such field: nps"})
        results = []
        for row in request.json()["rows"]:
            person = self.people.get(row["id"])
            if person is not None and row["at"] >= person.get("at", 0):
                person |= {"score": row["score"], "comment": row["comment"], "at": row["at"]}
            results.append({"id": row["id"], "found": person is not None})
        return json_reply(200, {"results": results})

    def post_people_cases(self, request):
        if "nps" not in self.fields:
            return json_reply(400, {"why": "no such field: nps"})
        results = []
        for row in request.json()["rows"]:
            person = self.people.get(row["id"])
            if person is not None and row["order"] >= person.get("case_order", []):
                person |= {"case_state": row["state"], "agent": row["agent"], "case_order": row["order"]}
            results.append({"id": row["id"], "found": person is not None})
        return json_reply(200, {"results": results})

    def post_tickets(self, request):
        key, draft = request.headers.get("idempotency-key"), request.json()
        if key not in self.keys:
            number = f"t-{len(self.tickets) + 1}"
            self.tickets[number] = {"id": number, **draft, "notes": []}
            self.keys[key] = number
        return json_reply(201, {"ticket": self.tickets[self.keys[key]]})

    def get_tickets(self, request):
        external_id = request.query["external_id"]
        return json_reply(200, {"tickets": [t for t in self.tickets.values() if t["external_id"] == external_id]})

    def post_tickets_notes(self, request):
        update = request.json()
        ticket = self.tickets.get(update["ticket"])
        if ticket is None:
            return json_reply(404, {"why": "no such ticket"})
        ticket["notes"] = [note for note in ticket["notes"] if note["key"] != update["key"]] + [update]
        return json_reply(200, {"ticket": ticket["id"]})

    def get_events(self, request):
        after = int(request.query["after"])
        events = [event for event in self.events if event["at"] > after]
        return json_reply(200, {"events": events, "now": self.millis()})

    def millis(self):
        return round(self.clock().timestamp() * 1000)

    def state(self):
        with self.lock:
            return json.loads(json.dumps({"people": self.people, "tickets": self.tickets, "fields": self.fields}))

    def environment(self, base_url, connection):
        return {
            "ACME_TOKEN": TOKEN,
            "ACME_SECRET": SECRET,
            f"NPS_CONNECT_CONNECTIONS__{connection}__BASE_URL": base_url,
        }

    def populate(self, people):
        for number, person in enumerate(people, start=len(self.people) + 1):
            record = {"id": f"p-{number}", "email": person.email, "name": person.name, "language": person.language}
            self.people[f"p-{number}"] = {**record, "opted_out": person.opted_out}

    def simulate_event(self, kind, email, fields=None):
        person = next((person for person in self.people.values() if person["email"] == email), None)
        if kind not in KINDS or person is None:
            return []
        fact = {"type": kind, "deal": f"d-{len(self.events) + 1}", "person": person["id"], "at": self.millis()}
        self.events.append(fact)
        return [fact["deal"]]

    def webhooks(self, facts, url):
        body = json.dumps({"sent": [event for event in self.events if event["deal"] in facts]}).encode()
        moment = str(self.millis())
        return [VendorWebhook("POST", {"X-Acme-Time": moment, "X-Acme-Signature": sign(SECRET, moment, body)}, body)]

    def effects(self):
        with self.lock:
            tickets = {}
            for ticket in self.tickets.values():
                tickets.setdefault(ticket["email"], []).append(ticket["id"])
            scored = [person for person in self.people.values() if "score" in person]
            return VendorEffects(
                scores={person["email"]: person["score"] for person in scored},
                comments={person["email"]: person["comment"] for person in scored},
                tickets=tickets,
                case_states={p["email"]: p["case_state"] for p in self.people.values() if "case_state" in p},
            )
