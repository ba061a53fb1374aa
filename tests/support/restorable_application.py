"""The application on a database that can go back to a backup, on SQLite and PostgreSQL."""

import psycopg
from sqlalchemy import make_url
from support.application import ApplicationHarness
from support.postgres import create_database, drop_database

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.ledger import Ledger
from nps_connect.services.operations.database_identity import check_identity, write_raised_identity
from nps_connect.services.operations.operator_pauses import set_paused
from nps_connect.services.operations.restored import mark_restored


class RestorableApplication(ApplicationHarness):
    """The application on one database with a state directory; `back_up` and `restore` go back in time."""

    def __init__(self, url, folder, clock):
        super().__init__(Ledger(url), clock, {"core": {"state_dir": str(folder / "state")}})
        write_raised_identity(self.ledger, self.ctx.state_dir)

    def start(self):
        return check_identity(self.ledger, self.ctx.state_dir, self.clock())

    def back_up(self):
        self.ledger.close()
        self.save()
        self.start()

    def restore(self):
        self.ledger.close()
        self.load()
        assert not self.start()

    def save(self):
        self.backup = self.ledger.file.read_bytes()

    def load(self):
        self.ledger.file.write_bytes(self.backup)

    def mark_restored(self, *, taken_at=None, journals=()):
        return mark_restored(self.ctx, taken_at=taken_at, journals=journals)

    def set_paused(self, scope, reason="holidays"):
        return set_paused(self.ledger, self.ctx.state_dir, scope, reason, Actor("cli", "ops"), self.clock())

    def mailed(self):
        return [message.to.email for message in self.post.items]

    def open_pauses(self):
        with self.ledger.read() as session:
            return set(pauses.load_pauses(session))


class PostgresApplication(RestorableApplication):
    """The same on PostgreSQL, whose backups are databases too."""

    def __init__(self, maintenance, url, folder, clock):
        self.maintenance = maintenance
        super().__init__(url, folder, clock)

    def save(self):
        self.backup = create_database(self.maintenance, self.ledger.engine.url.database)

    def load(self):
        url = self.ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        drop_database(self.maintenance, url)
        with psycopg.connect(self.maintenance, autocommit=True) as connection:
            connection.execute(
                f'CREATE DATABASE "{make_url(url).database}" TEMPLATE "{make_url(self.backup).database}" STRATEGY file_copy'
            )
        drop_database(self.maintenance, self.backup)
