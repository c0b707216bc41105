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
    """It was taken, under this number of the carrier's."""

    msgid: str | None
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
    outcome for somebody who follows nothing). What may have arrived is repeated by the same one and goes to no other,
    whatever that one says of the repeat: a rater is not told twice.
    """

    def __init__(self, carriers: Sequence[Carrier], links: RaterLinks) -> None:
        self._carriers = carriers
        self._links = links

    def room(self) -> None:
        """Any number: a text that a closed gateway does not take waits by itself."""

    def deliver_by(
        self, receiver: str, body: dict[str, Any], message_id: int, /, *, only: str | None,
        before: Callable[[str, Sequence[str]], None],
    ) -> Carried:  # fmt: skip
        """Send one body to one rater; ``receiver``: his number. Raises ChannelError.

        ``only``: the carrier by which an earlier try may have arrived. ``before`` hears, of each carrier that may
        still be chosen, that it is tried next and why those before it could not.
        """
        link = self._links.make(RaterLink(body["case"], body["round"], body["at"]))
        # The moment belongs to the id: a database begun anew counts from 1 again, and a gateway remembers.
        ident = f"{message_id}-{body['at']}"
        refusals: list[ChannelError] = []
        passed: list[str] = []
        for carrier in self._carriers:
            if only is None:
                before(carrier.name, passed)
            elif only != carrier.name:
                continue
            try:
                return Carried(carrier.carry(receiver, body, link, ident))
            except ChannelError as wrong:
                refusals.append(wrong)
                if wrong.unsure:
                    break
                passed.append(f"{carrier.name}：{wrong.sentence}")
        raise _together(refusals, passed)


def _together(refusals: Sequence[ChannelError], passed: Sequence[str]) -> ChannelError:
    """One error out of all: it may be tried again as long as one of them may."""
    if not refusals:
        return ChannelError("没有可用的群众通知渠道", permanent=True)
    last = refusals[-1]
    hopes = [one for one in refusals if not one.permanent]
    waits = [one.retry_after for one in hopes if one.retry_after is not None]
    return ChannelError(
        "；".join([*passed[: len(refusals) - 1], last.sentence]),
        permanent=not hopes,
        # The first that may be asked again; who names no time takes the usual back-off.
        retry_after=min(waits, default=None) if len(waits) == len(hopes) else None,
        errcode=last.errcode,
        tried=any(one.tried for one in refusals),
        unsure=last.unsure,
        away=any(one.away for one in hopes),
    )


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
