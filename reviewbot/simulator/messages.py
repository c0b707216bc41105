"""Messages of the apps: who gets them, how often, once or twice, and what may still be changed (Q5-Q9)."""

import hashlib
import json
import secrets
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from reviewbot.simulator.cards import INTERACTIVE
from reviewbot.simulator.config import DAY, Answer, Member, Refused
from reviewbot.simulator.contents import Contents
from reviewbot.simulator.people import Directory
from reviewbot.simulator.quirks import Quirks

HOUR, KEPT = 3600.0, 20_000


@dataclass
class Message:
    """One bubble on one phone; ``content`` is a member's own copy, since an update may reach only some."""

    seq: int
    msgid: str
    agent_id: int
    userid: str
    from_app: bool
    kind: str
    content: dict[str, Any]
    at: float
    task_id: str = ""
    pressed: str = ""
    replace_name: str = ""
    status: str = ""
    recalled: bool = False
    read: bool = False


@dataclass
class Code:
    """The right to update one card once."""

    agent_id: int
    copies: list[Message]
    made_at: float
    spent: bool = False


class Inboxes(Protocol):
    """The phones, as the messages see them."""

    counts: Counter[str]
    version: int

    def now(self) -> float: ...

    def put(self, userid: str, agent_id: int, kind: str, content: dict[str, Any], **more: Any) -> Message: ...


class Messages:
    def __init__(self, quirks: Quirks, phones: Inboxes, people: Directory, contents: Contents) -> None:
        self._quirks = quirks
        self._phones = phones
        self._people = people
        self._contents = contents
        self._sent: dict[str, tuple[float, list[Message]]] = {}
        self._codes: dict[str, Code] = {}
        self._task_ids: set[tuple[int, str]] = set()
        self._duplicates: dict[str, tuple[float, Answer]] = {}
        self._paces: dict[tuple[int, str], deque[float]] = {}
        self._day_use: Counter[tuple[int, int]] = Counter()

    def send(self, agent_id: int, body: Mapping[str, Any], raw: bytes) -> tuple[Answer, str]:
        """The answer, and what is to be noted about it."""
        if body.get("agentid") != agent_id and str(body.get("agentid")) != str(agent_id):
            raise Refused(301002, "not allow operate another agent with this accesstoken")
        content = self._contents.checked(body)
        people, answer = self._recipients(body)
        print_ = self._fingerprint(agent_id, body, raw)
        if (repeated := self._duplicate_of(print_)) is not None:
            self._phones.counts["duplicates"] += 1
            return (repeated if self._quirks.duplicate_repeats_answer else {}), "重复内容，不再送达"
        task_id = str(content.get("task_id") or "")
        errcode = self._quirks.repeated_task_id_errcode
        if task_id and errcode and (agent_id, task_id) in self._task_ids:
            raise Refused(errcode, "task_id repeated", "repeated_task_id_errcode")
        self._use_quota(agent_id, len(people))
        answer["msgid"] = f"msg-{secrets.token_hex(16)}"
        marks = {"msgid": answer["msgid"], "task_id": task_id}
        copies = [
            self._phones.put(member.userid, agent_id, body["msgtype"], content, **marks)
            for member in people
            if self._within_pace(agent_id, member.userid)
        ]
        self._task_ids |= {(agent_id, task_id)} if task_id else set()
        self._sent[answer["msgid"]] = (self._phones.now(), copies)
        if content.get("card_type") in INTERACTIVE:
            answer["response_code"] = self.new_code(agent_id, copies)
        self._remember(print_, body, answer)
        dropped = len(people) - len(copies)
        return answer, f"{dropped} 人超过频率，静默丢弃" if dropped else ""

    def _recipients(self, body: Mapping[str, Any]) -> tuple[list[Member], Answer]:
        lists = {}
        for key, limit, errcode in (("touser", 1000, 40032), ("toparty", 100, 82002), ("totag", 100, 82003)):
            lists[key] = [part for part in str(body.get(key) or "").split("|") if part]
            if len(lists[key]) > limit:
                raise Refused(errcode, f"invalid {key} list size")
        if not any(lists.values()):
            raise Refused(82001, "touser & toparty & totag all empty")
        visible = self._people.visible
        if lists["touser"] == ["@all"]:
            everybody = [m for m in self._people.members.values() if visible(m)]
            return everybody, {"invaliduser": "", "invalidparty": "", "invalidtag": ""}
        named = {u: m for u in lists["touser"] if (m := self._people.find(u)) and visible(m)}
        parties = {p: [m for m in self._people.within(p) if visible(m)] for p in lists["toparty"]}
        people = {
            m.userid.lower(): m for m in (*named.values(), *(m for some in parties.values() for m in some))
        }
        bad_users = [u for u in lists["touser"] if u not in named]
        lower = self._quirks.lower_invalid_users
        answer: Answer = {
            "invaliduser": "|".join(u.lower() if lower else u for u in bad_users),
            "invalidparty": "|".join(p for p, some in parties.items() if not some),
            "invalidtag": "|".join(lists["totag"]),
        }
        if not people:
            if self._quirks.empty_lists_as_arrays:
                answer = {key: value or [] for key, value in answer.items()}
            raise Refused(81013, "user & party & tag all invalid", **answer)
        return list(people.values()), answer

    # Twice, and too often

    def _fingerprint(self, agent_id: int, body: Mapping[str, Any], raw: bytes) -> str:
        """Empty unless the caller asked for the duplicate check."""
        if not (body.get("enable_duplicate_check") and self._quirks.duplicate_check):
            return ""
        if not self._quirks.duplicate_needs_same_bytes:
            raw = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
        return f"{agent_id}:{hashlib.sha256(raw).hexdigest()}"

    def _duplicate_of(self, print_: str) -> Answer | None:
        until, answer = self._duplicates.get(print_, (0.0, {}))
        return dict(answer) if until > self._phones.now() else None

    def _remember(self, print_: str, body: Mapping[str, Any], answer: Answer) -> None:
        now = self._phones.now()
        if print_:
            interval = min(int(body.get("duplicate_check_interval") or 1800), 14_400)
            self._duplicates[print_] = (now + interval, dict(answer))
        if len(self._duplicates) > KEPT:
            self._duplicates = {k: v for k, v in self._duplicates.items() if v[0] > now}
        if len(self._sent) > KEPT:
            self._sent = {
                k: v for k, v in self._sent.items() if now - v[0] < self._quirks.recall_hours * HOUR
            }
            self._codes = {k: v for k, v in self._codes.items() if self._is_good(v)}

    def _use_quota(self, agent_id: int, people: int) -> None:
        today = (agent_id, int(self._phones.now() // DAY))
        if 0 < self._quirks.day_quota < self._day_use[today] + people:
            raise Refused(45009, "api freq out of limit", "day_quota")
        self._day_use[today] += people

    def _within_pace(self, agent_id: int, userid: str) -> bool:
        """Over-frequency is dropped without a word, as the real platform does."""
        now = self._phones.now()
        pace = self._paces.setdefault((agent_id, userid.lower()), deque())
        while pace and pace[0] <= now - HOUR:
            pace.popleft()
        if len(pace) >= self._quirks.per_hour or sum(t > now - 60 for t in pace) >= self._quirks.per_minute:
            self._phones.counts["dropped_by_rate"] += 1
            return False
        pace.append(now)
        return True

    # What may still be changed

    def new_code(self, agent_id: int, copies: list[Message]) -> str:
        code = f"RC{secrets.token_hex(20)}"
        self._codes[code] = Code(agent_id, copies, self._phones.now())
        return code

    def _is_good(self, code: Code) -> bool:
        age = self._phones.now() - code.made_at
        return age < self._quirks.code_hours * HOUR and not (code.spent and self._quirks.code_works_once)

    def copies_of(self, message: Message) -> list[Message]:
        return self._sent.get(message.msgid, (0.0, [message]))[1]

    def update(self, agent_id: int, body: Mapping[str, Any]) -> Answer:
        code = self._codes.get(str(body.get("response_code") or ""))
        if str(body.get("agentid")) != str(agent_id) or (code is not None and code.agent_id != agent_id):
            raise Refused(301002, "not allow operate another agent with this accesstoken")
        if code is None or not self._is_good(code):
            raise Refused(self._quirks.spent_code_errcode, "invalid response_code", "spent_code_errcode")
        named = {str(u).lower() for u in body.get("userids") or ()}
        parties = {m.userid.lower() for p in body.get("partyids") or () for m in self._people.within(str(p))}
        button, card = body.get("button"), body.get("template_card")
        if not (isinstance(button, dict) and button.get("replace_name")) and not isinstance(card, dict):
            raise Refused(40058, "button or template_card is required")
        if isinstance(card, dict):
            self._contents.check_card(card, update=True)
        if not (named or parties or body.get("atall")):
            raise Refused(82001, "userids & partyids & tagids all empty")
        code.spent = True
        everybody = body.get("atall") or not self._quirks.update_reaches_named_only
        for message in code.copies:
            if everybody or message.userid.lower() in named | parties:
                self.change_card(message, button, card)
        return {"invaliduser": sorted(u for u in named if self._people.find(u) is None)}

    def change_card(self, message: Message, button: Any, card: Any) -> None:
        """Grey the buttons, or put a whole new card in the place of the old one."""
        if isinstance(card, dict):
            message.content = dict(card)
            message.task_id = str(card.get("task_id") or message.task_id)
            message.replace_name, message.pressed = str(card.get("replace_text") or ""), ""
        else:
            message.replace_name = str(button["replace_name"])
        message.status = ""
        self._phones.version += 1

    def recall(self, agent_id: int, msgid: str) -> Answer:
        sent_at, copies = self._sent.get(msgid, (0.0, []))
        late = self._phones.now() - sent_at > self._quirks.recall_hours * HOUR
        if late or any(m.agent_id != agent_id for m in copies):
            raise Refused(40058, "invalid msgid or out of recall time", "recall_hours" if late else "")
        for message in copies:
            message.recalled = True
        self._phones.version += 1
        return {}
