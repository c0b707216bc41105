"""A message owed to a rater becomes a text with his link in it."""

from dataclasses import dataclass
from typing import Any

from reviewbot.links import RaterLink, RaterLinks
from reviewbot.sms.gateway import SmsGateway


@dataclass(frozen=True)
class Carried:
    """What the gateway answered."""

    msgid: str
    response_code: str | None = None
    undelivered: bool = False


class SmsChannel:
    """Carries bodies of ``reviewbot.rules.notices.rater_*`` to one number each.

    A 公众号 takes the same place: whatever ``reviewbot.wiring`` puts under "rater" gets the same bodies.
    """

    def __init__(self, gateway: SmsGateway, links: RaterLinks) -> None:
        self._gateway = gateway
        self._links = links

    def room(self) -> None:
        """Any number: a text that a closed gateway does not take waits by itself."""

    def deliver(self, receiver: str, body: dict[str, Any], message_id: int, /) -> Carried:
        """Send one body to one number. Raises ChannelError."""
        link = self._links.make(RaterLink(body["case"], body["round"], body["at"]))
        # The moment belongs to the id: a database begun anew counts from 1 again, and a gateway remembers.
        ident = f"{message_id}-{body['at']}"
        return Carried(self._gateway.send(receiver, f"{body['content']}查看进度和结果：{link}", ident))
