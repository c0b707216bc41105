"""Time passes and messages go out: what the deadlines and delivery tasks do, and a wire that remembers."""

from dataclasses import dataclass

from sqlalchemy import select

from reviewbot.actions.advance_due import advance_due
from reviewbot.actions.deliver_messages import deliver_messages
from reviewbot.actions.release_reminders import release_reminders
from reviewbot.queries.cases import due_case_ids


def sweep(house):
    with house.database.begin() as session:
        due = due_case_ids(session, house.clock.now(), 500)
    for case_id in due:
        with house.database.begin() as session:
            advance_due(session, case_id, now=house.clock.now(), rulebooks=house.rulebooks)


def rows(house, model):
    with house.database.begin() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def released(house, above=5):
    """The digests made of what may go now."""
    with house.database.begin() as session:
        rules = house.today(session).policy.messages
        return release_reminders(
            session, at=house.clock.now(), above=above, rulebooks=house.rulebooks, urgent=rules.urgent
        )


@dataclass
class Wire:
    """Carries messages and remembers them; ``before`` happens while one is on its way."""

    carried: list
    before: object = None

    def room(self):
        return None

    def deliver(self, receiver, body, message_id, /):
        self.carried.append((receiver, body))
        if self.before:
            self.before()
        return Carried("id")


@dataclass
class Carried:
    msgid: str
    response_code: str | None = None
    undelivered: bool = False


def delivered(house, wire=None):
    wire = wire or Wire([])
    released(house)
    while deliver_messages(house.database, {"wecom": wire}, at=house.clock.now()):
        pass
    return wire.carried
