"""Who and what is simulated: the corp, its apps and members, and where callbacks go."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reviewbot.simulator.quirks import Quirks


@dataclass(frozen=True)
class Member:
    userid: str
    name: str
    department: str = ""
    title: str = ""


@dataclass(frozen=True)
class Agent:
    agent_id: int
    secret: str = field(repr=False)
    name: str = "好差评助手"
    home_url: str = ""


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


class Refused(Exception):
    """The platform answers with an errcode; HTTP stays 200."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg
