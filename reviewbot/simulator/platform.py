"""The fake WeCom itself: its clock and dice, the phones' inboxes, and the parts that know the rules."""

import json
import random
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from reviewbot.simulator.accounts import Accounts
from reviewbot.simulator.config import Answer, Member, Refused, SimulatorConfig
from reviewbot.simulator.contents import Contents
from reviewbot.simulator.media import MediaStore
from reviewbot.simulator.menus import Menus
from reviewbot.simulator.messages import Message, Messages
from reviewbot.simulator.people import Directory
from reviewbot.simulator.quirks import set_quirks
from reviewbot.simulator.signin import SignIns
from reviewbot.simulator.times import PlatformClock
from reviewbot.simulator.tokens import Tokens

LOGGED, SHOWN = 2000, 500


class Platform:
    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.quirks = quirks = config.quirks
        self.now = PlatformClock(config.now)
        self.dice = random.Random(config.seed)
        self.inboxes: dict[str, deque[Message]] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOGGED)
        self.counts: Counter[str] = Counter()
        self.version = 0
        self.people = Directory(quirks, self.now)
        self.people.replace(config.members)
        self.media = MediaStore(quirks, self.now)
        self.tokens = Tokens(config, self.now, self.dice, self.counts)
        self.sign_ins = SignIns(quirks, self.now, self.people)
        self.contents = Contents(quirks, self.media, bool(config.callback_url))
        self.messages = Messages(quirks, self, self.people, self.contents)
        self.menus = Menus()
        self.accounts = Accounts(config, self.now)
        self._seq = 0
        self._first_id = time.time_ns()
        self._ips_before: tuple[float, tuple[str, ...]] = (0.0, ())

    def set_quirks(self, changes: Mapping[str, Any]) -> None:
        """Raises ValueError, and then nothing has changed."""
        before = self.quirks.trusted_ips
        set_quirks(self.quirks, changes)
        if self.quirks.trusted_ips != before:
            self._ips_before = (self.now() + self.quirks.trusted_ips_delay_seconds, before)

    def check_address(self, ip: str) -> None:
        """A changed list of addresses has effect after a while; until then the one before it stands (Q4)."""
        until, before = self._ips_before
        allowed = before if self.now() < until else self.quirks.trusted_ips
        if allowed and ip not in allowed:
            raise Refused(60020, "not allow to access from your ip", "trusted_ips")

    # Phones

    def set_members(self, members: Iterable[Member]) -> None:
        self.people.replace(members)
        self.version += 1

    def inbox(self, userid: str) -> deque[Message]:
        return self.inboxes.setdefault(userid.lower(), deque(maxlen=SHOWN))

    def unread(self, userid: str) -> int:
        return sum(1 for m in self.inboxes.get(userid.lower(), ()) if m.from_app and not m.read)

    def mark_read(self, userid: str) -> None:
        if self.unread(userid):
            for message in self.inbox(userid):
                message.read = True
            self.version += 1

    def put(self, userid: str, agent_id: int, kind: str, content: dict[str, Any], **more: Any) -> Message:
        """A new bubble on a phone; each copy owns its content."""
        self._seq += 1
        owned = json.loads(json.dumps(content))
        facts = {"msgid": "", "from_app": True, **more}
        message = Message(
            seq=self._seq, agent_id=agent_id, userid=userid, kind=kind, content=owned, at=self.now(), **facts
        )
        self.inbox(userid).append(message)
        self.version += 1
        return message

    def find_card(self, userid: str, task_id: str) -> Message | None:
        found = (m for m in reversed(self.inbox(userid)) if m.task_id == task_id and not m.recalled)
        return next(found, None)

    def next_id(self) -> str:
        """The next message number. Like every name given out here it never comes again, not even from a simulator
        started anew: a bot's database remembers them, and the dice fall the same way again."""
        self._seq += 1
        return str(self._first_id + self._seq)

    def log(self, method: str, path: str, verdict: str, errcode: int | None = None, **facts: Any) -> None:
        """The request log never takes queries or bodies, so that no secret or token can reach it."""
        row: Answer = {
            "at": self.now(),
            "method": method,
            "path": path,
            "errcode": errcode,
            "verdict": verdict,
        }
        self.requests.append(row | facts)
