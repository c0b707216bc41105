"""Who and what is simulated: the corp, its apps and members, and where callbacks go."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reviewbot.simulator.quirks import Quirks

Answer = dict[str, Any]
DAY = 86_400.0
CONTACTS = 0
"""The number under which the 通讯录同步助手 holds its token: it is no app."""


@dataclass(frozen=True)
class Member:
    """``department`` is a name, or a path of names joined by ``/``."""

    userid: str
    name: str
    department: str = ""
    title: str = ""
    mobile: str = ""


@dataclass(frozen=True)
class Agent:
    """``login_path`` signs somebody in anew: one browser plays many phones, and its cookies are of the last one.

    Empty: links are opened as they are.
    """

    agent_id: int
    secret: str = field(repr=False)
    name: str = "好差评助手"
    home_url: str = ""
    login_path: str = "/login"


@dataclass(frozen=True)
class Callback:
    """Where callbacks go and how they are sealed."""

    url: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)


@dataclass(frozen=True)
class Account:
    """An Official Account: its keys, its templates by id (field names), and its followers by openid."""

    app_id: str
    secret: str = field(repr=False)
    templates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    followers: dict[str, str] = field(default_factory=dict)


@dataclass
class SimulatorConfig:
    corp_id: str
    agents: tuple[Agent, ...]
    callback_url: str = ""
    callback_token: str = field(default="", repr=False)
    callback_aes_key: str = field(default="", repr=False)
    members: list[Member] = field(default_factory=list)
    now: Callable[[], float] = time.time
    seed: int = 1
    quirks: Quirks = field(default_factory=Quirks)
    contact_secret: str = field(default="", repr=False)
    contact_callback: Callback | None = None
    account: Account | None = None

    @property
    def callback(self) -> Callback | None:
        if not (self.callback_url and self.callback_aes_key):
            return None
        return Callback(self.callback_url, self.callback_token, self.callback_aes_key)


class Refused(Exception):
    """The platform answers with an errcode; HTTP stays 200. ``quirk`` names the switch that did it."""

    def __init__(self, errcode: int, errmsg: str, quirk: str = "", **more: Any) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg
        self.quirk = quirk
        self.more = more
