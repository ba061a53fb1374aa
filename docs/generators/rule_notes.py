"""What the page about the plugin contract says about each quality rule, beside what the code says."""

from __future__ import annotations

from typing import NamedTuple

INTRODUCTION = """# Contract and quality rules

The contract is a set of tests that every plugin can run. A plugin's test class inherits `ConnectorContract` and names
the plugin, its settings and its simulated vendor. The kit then generates the checks that fit the plugin's hooks.

```python
from typing import ClassVar

import nps_connect_google_reviews
from nps_connect.testing import ConnectorContract
from nps_connect_google_reviews.simulated import Simulated


class TestGoogleReviews(ConnectorContract):
    plugin = nps_connect_google_reviews
    settings: ClassVar = {"place_id": "ChIJexample_place-0001"}
    vendor = Simulated
```

Each plugin keeps a file `quality.toml` with a status for every rule:

| status | meaning |
| --- | --- |
| `"done"` | the rule is met; if code can check it, at least one of its checks runs |
| `{ status = "exempt", reason = "..." }` | the rule does not apply, and why |
| `{ status = "todo", reason = "..." }` | the rule is not met yet, and why; only for rules that people review |

The file cannot claim more than the tests show. A rule that says `done` while none of its checks applies fails. A rule
that says `exempt` while its checks run fails too. A missing rule fails.

Secrets in the settings of the test have at least 8 characters. The kit looks for them in every text."""


class Note(NamedTuple):
    """Explanation of one rule: why it exists, how a plugin passes, and when an exemption is accepted."""

    why: str
    how: str
    exceptions: str


NONE = "None: it applies to every plugin."
NO_HTTP = "Plugins that make no HTTP calls."

NOTES = {
    "shape": Note(
        "A misspelt hook is never called, and nobody notices.",
        "Copy the signature from the hooks reference. Declare an action exactly if you have its hook.",
        NONE,
    ),
    "imports": Note(
        "A plugin that uses internals breaks with the next release. A second HTTP client has no deadline, no quota and "
        "no redaction.",
        "Import from `nps_connect` only, and call the vendor with `connection.http`.",
        "`allowed_imports` of the test class lists modules that the plugin has a good reason to import.",
    ),
    "threads": Note(
        "A thread that goes on after the call works without the delivery that started it, and survives a shutdown.",
        "Do the work in the hook call. End and join every pool before you return.",
        NO_HTTP,
    ),
    "example": Note(
        "The example is the first thing that an operator runs. `init` and `demo` are built from it.",
        "Give a table that is valid as it is, with secrets by reference, and list these variables in `environment`.",
        NONE,
    ),
    "settings": Note(
        "A misspelt key that is ignored looks like a setting that does not work.",
        "Derive the settings from `ConnectionSettings`. Give no default to what an account cannot do without.",
        "Plugins whose settings are all optional have no missing settings to reject.",
    ),
    "secrets": Note(
        "Settings appear in logs and error texts. A plain string is printed with them.",
        "Declare every secret as `SecretStr`. Call `get_secret_value()` only where the header is built.",
        NONE,
    ),
    "faults": Note(
        "The worker decides by the error class alone whether to retry, to wait or to ask a person.",
        "Let the errors of `connection.http` pass. State `idempotent` truthfully for each call. Do not retry.",
        NO_HTTP,
    ),
    "one-effect": Note(
        "The connection can break after the vendor has acted. A second ticket for one customer is a visible mistake.",
        "Send the idempotency key where the vendor takes one. Else leave the external id in the object, and find it "
        "with `nps_find_existing`.",
        "Plugins without an action at the vendor.",
    ),
    "finds-existing": Note(
        "Without a look-up, a delivery in doubt waits for a person.",
        "Search for the external id. Return None only if the vendor answered that there is nothing.",
        "Vendors that honour an idempotency key, and plugins that create nothing.",
    ),
    "newest-wins": Note(
        "Deliveries can arrive out of order. An old score over a new one is wrong data.",
        "Store `answered_at` beside the score. Compare before you write.",
        "Plugins that write neither scores nor case outcomes.",
    ),
    "batches": Note(
        "Outcomes are matched with items by position. One bad item must not stop a hundred good ones.",
        "Return one `Receipt` or `DeliveryError` per item. Raise only what concerns the whole batch.",
        "Plugins whose actions take fewer than three items per call.",
    ),
    "isolation": Note(
        "Two accounts of one vendor run in one process. Data of one must never reach the other.",
        "Keep nothing in module variables. Everything about the account is in `connection`.",
        "Plugins without an action at the vendor.",
    ),
    "webhooks-verified": Note(
        "Anybody can post to the address. A forged event sends mail to real customers.",
        "Compute the signature over the raw body, compare with `hmac.compare_digest`, and check the time.",
        "Plugins that receive no webhooks, and vendors that send no time of sending (stale webhooks only).",
    ),
    "webhooks-tolerant": Note(
        "Vendors resend, and add kinds and fields without notice.",
        "Ignore what you do not know. Compute the key with `fact_key`. Raise `WebhookRejected` for a body of another "
        "structure, nothing else.",
        "Plugins that receive no webhooks.",
    ),
    "polling": Note(
        "A first poll with history would survey people about events of last year. A page can be read again after a "
        "crash.",
        "Without a cursor, return no events and a cursor for now. Read with an overlap; repetitions do no harm.",
        "Plugins that do not poll.",
    ),
    "one-key": Note(
        "Many operators use webhooks and a poll as a safety net. Two keys would mean two surveys.",
        "Take the moment from the vendor's data, not from the request.",
        "Plugins that have webhooks or polling, but not both.",
    ),
    "completing": Note(
        "A webhook often holds an id only. One call per event would use up the quota.",
        "Read all objects with one call, and put the results into the order of the events.",
        "Plugins whose events hold everything.",
    ),
    "people": Note(
        "Opt-outs, merges and deletions are read before every message to a person.",
        "Return one match per key, in order. Return all contacts of an ambiguous key. Set `opted_out`.",
        "Vendors that know no people.",
    ),
    "check": Note(
        "An operator wants to know what is missing before the first customer is asked.",
        "Return a `Finding` for each thing that you looked at. Each one that is not `ok` has a `fix`.",
        "Plugins without an account to look at.",
    ),
    "set-up": Note(
        "Fields that have to be made by hand are made wrong.",
        "List what is missing with `nps_plan_setup`, create it with `nps_apply_setup`, delete nothing.",
        "Vendors where nothing has to be created.",
    ),
    "simulated-vendor": Note(
        "Without one, nobody can try the plugin, and the kit can check little.",
        "Ship a `SimulatedVendor` with the vendor's own error bodies, limits and authentication.",
        "Plugins without a vendor behind them.",
    ),
    "golden-requests": Note(
        "A simulated vendor by the same author shares the author's mistakes.",
        "Keep method, path and body of each action in a test, and compare them with the vendor's reference.",
        "Plugins that make no requests.",
    ),
    "documentation": Note(
        "Operators need scopes, limits and steps before they can connect an account.",
        "Write a page with scopes, limits, set-up, and a link to the vendor's page for each fact.",
        NONE,
    ),
}
