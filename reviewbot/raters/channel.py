"""A message owed to a rater goes out by the first way that reaches him; each way makes the link he opens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from reviewbot.clock import CHINA
from reviewbot.errors import ChannelError
from reviewbot.links import RaterLink, RaterLinks
from reviewbot.raters.gateway import SmsGateway
from reviewbot.rules.subscription import fields


@dataclass(frozen=True)
class Carried:
    """Who carried it, under which number of his, and which ways before it could not."""

    msgid: str | None
    carrier: str
    passed: tuple[str, ...] = ()
    response_code: str | None = None
    undelivered: bool = False


class Carrier(Protocol):
    """One way to a rater."""

    @property
    def name(self) -> str: ...
    def carry(self, phone: str, body: dict[str, Any], link: str, ident: str, /) -> str | None:
        """Its own id of the message, if it gives one. ``ident``: the same on every try. Raises ChannelError."""
        ...


class RaterChannel:
    """Carries bodies of ``reviewbot.rules.notices.rater_*``, by the carriers in their order.

    Whatever one of them refuses for certain, whoever is to blame, goes to the next (43101 and 43004 are the normal
    outcome for somebody who follows nothing); what may have arrived is repeated by the same one. The last one's
    refusal is the channel's.
    """

    def __init__(self, carriers: Sequence[Carrier], links: RaterLinks) -> None:
        self._carriers = carriers
        self._links = links

    def room(self) -> None:
        """Any number: a text that a closed gateway does not take waits by itself."""

    def deliver(self, receiver: str, body: dict[str, Any], message_id: int, /) -> Carried:
        """Send one body to one rater; ``receiver``: his number. Raises ChannelError."""
        link = self._links.make(RaterLink(body["case"], body["round"], body["at"]))
        # The moment belongs to the id: a database begun anew counts from 1 again, and a gateway remembers.
        ident = f"{message_id}-{body['at']}"
        passed: list[str] = []
        permanent = True
        for place, carrier in enumerate(self._carriers, start=1):
            try:
                msgid = carrier.carry(receiver, body, link, ident)
                return Carried(msgid, carrier.name, tuple(passed))
            except ChannelError as wrong:
                permanent = permanent and wrong.permanent
                if wrong.unsure or place == len(self._carriers):
                    wrong.permanent = permanent
                    wrong.sentence = "；".join([*passed, wrong.sentence])
                    raise
                passed.append(f"{carrier.name}：{wrong.sentence}")
        raise ChannelError("没有可用的群众通知渠道", permanent=True)


@dataclass(frozen=True)
class SmsCarrier:
    """A text to his number."""

    gateway: SmsGateway
    name: str = "sms"

    def carry(self, phone: str, body: dict[str, Any], link: str, ident: str, /) -> str:
        return self.gateway.send(phone, f"{body['content']}查看进度和结果：{link}", ident)


class Account(Protocol):
    """What is asked of the 公众号."""

    def notify(self, openid: str, data: dict[str, dict[str, str]], page: str, /) -> None:
        """Send one subscription message. Raises ChannelError."""
        ...


@dataclass(frozen=True)
class SubscriptionCarrier:
    """A subscription message to whoever asked for it on his page; ``openid_of``: by case, None where nobody did."""

    account: Account
    openid_of: Callable[[int], str | None]
    keys: Mapping[str, str] = field(default_factory=dict)
    """Which field of the template takes which fact of ours."""
    name: str = "official"

    def carry(self, _: str, body: dict[str, Any], link: str, __: str, /) -> None:
        openid = self.openid_of(body["case"])
        if openid is None:
            raise ChannelError("评价人没有选择用微信接收", permanent=True)
        about = dict(body.get("about", {}))
        # A closing has no day ahead, and the template wants one: the day it happened.
        about["date"] = about.get("date") or datetime.fromtimestamp(body["at"], CHINA).date().isoformat()
        self.account.notify(openid, fields(about, self.keys), link)
