"""The state and the rules of the fake WeCom: tokens, members, messages, cards, media and sign-in codes."""

import hashlib
import json
import random
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reviewbot.simulator.cards import INTERACTIVE, check_card, need
from reviewbot.simulator.config import Member, Refused, SimulatorConfig

MEDIA_LIMITS = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}
DAY = 86_400.0
Answer = dict[str, Any]


@dataclass
class Message:
    """One bubble on one phone; ``card`` is a member's own copy, since an update may reach only some."""

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
class Media:
    kind: str
    filename: str
    body: bytes
    content_type: str
    created_at: float


@dataclass
class Code:
    """The right to update one card once."""

    agent_id: int
    copies: list[Message]
    expires_at: float
    spent: bool = False


class Platform:
    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.quirks = config.quirks
        self.now = config.now
        self.dice = random.Random(config.seed)
        self.members: dict[str, Member] = {}
        self.inboxes: dict[str, deque[Message]] = {}
        self.media: dict[str, Media] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=1000)
        self.counts: Counter[str] = Counter()
        self.version = 0
        self._tokens: dict[str, tuple[int, float]] = {}
        self._sent: dict[str, tuple[float, list[Message]]] = {}
        self._codes: dict[str, Code] = {}
        self._task_ids: set[tuple[int, str]] = set()
        self._duplicates: dict[str, tuple[float, Answer]] = {}
        self._paces: dict[tuple[int, str], deque[float]] = {}
        self._day_use: Counter[tuple[int, int]] = Counter()
        self._sign_ins: dict[str, tuple[str, float]] = {}
        self._seq = 0
        self.set_members(config.members)

    # People and phones

    def set_members(self, members: Iterable[Member]) -> None:
        self.members = {member.userid.lower(): member for member in members}
        self.version += 1

    def member(self, userid: str) -> Member | None:
        return self.members.get(userid.lower())

    def inbox(self, userid: str) -> deque[Message]:
        return self.inboxes.setdefault(userid.lower(), deque(maxlen=500))

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
        self._seq += 1
        return str(7_300_000_000_000_000_000 + self._seq)

    def log(self, method: str, path: str, verdict: str, errcode: int | None = None, **facts: Any) -> None:
        """The request log never takes queries or bodies, so that no secret or token can reach it."""
        row = {"at": self.now(), "method": method, "path": path, "errcode": errcode, "verdict": verdict}
        self.requests.append(row | facts)

    # Tokens

    def get_token(self, corp_id: str, secret: str) -> Answer:
        self.counts["gettoken"] += 1
        if 0 < self.quirks.block_gettoken_after < self.counts["gettoken"]:
            raise Refused(45009, "api freq out of limit")
        if not corp_id:
            raise Refused(41002, "corpid missing")
        if not secret:
            raise Refused(41004, "corpsecret missing")
        if corp_id != self.config.corp_id:
            raise Refused(40013, "invalid corpid")
        agent = next((a for a in self.config.agents if a.secret == secret), None)
        if agent is None:
            raise Refused(40001, "invalid credential")
        now = self.now()
        for token, (agent_id, expires_at) in self._tokens.items():
            if agent_id == agent.agent_id and expires_at > now:
                left = 7200 if self.quirks.expires_in_full else int(expires_at - now)
                return {"access_token": token, "expires_in": left}
        token = f"{self.dice.getrandbits(512):0128x}"
        self._tokens[token] = (agent.agent_id, now + 7200)
        return {"access_token": token, "expires_in": 7200}

    def agent_of(self, token: str) -> int:
        """The app whose token this is; now and then the token has been killed early."""
        if not token:
            raise Refused(41001, "access_token missing")
        self.counts["authenticated"] += 1
        every = self.quirks.kill_token_every
        if every and self.counts["authenticated"] % every == 0:
            self.kill_tokens()
        if token not in self._tokens:
            raise Refused(40014, "invalid access_token")
        agent_id, expires_at = self._tokens[token]
        if expires_at <= self.now():
            dead = self.dice.choice([(40014, "invalid access_token"), (42001, "access_token expired")])
            raise Refused(*dead)
        return agent_id

    def kill_tokens(self) -> None:
        self._tokens = {token: (agent_id, 0.0) for token, (agent_id, _) in self._tokens.items()}

    # Messages

    def send(self, agent_id: int, body: Mapping[str, Any]) -> Answer:
        if body.get("agentid") != agent_id and str(body.get("agentid")) != str(agent_id):
            raise Refused(301002, "not allow operate another agent with this accesstoken")
        content = self._checked_content(body)
        people, answer = self._recipients(body)
        repeated = self._duplicate_of(body)
        if repeated is not None:
            self.counts["duplicates"] += 1
            return repeated if self.quirks.duplicate_repeats_answer else {}
        task_id = str(content.get("task_id") or "")
        if task_id and (agent_id, task_id) in self._task_ids:
            raise Refused(self.quirks.repeated_task_id_errcode, "task_id repeated")
        self._use_quota(agent_id, len(people))
        answer["msgid"] = f"msg-{self.dice.getrandbits(128):032x}"
        marks = {"msgid": answer["msgid"], "task_id": task_id}
        copies = [
            self.put(member.userid, agent_id, body["msgtype"], content, **marks)
            for member in people
            if self._within_pace(agent_id, member.userid)
        ]
        self._task_ids |= {(agent_id, task_id)} if task_id else set()
        self._sent[answer["msgid"]] = (self.now(), copies)
        if content.get("card_type") in INTERACTIVE:
            answer["response_code"] = self.new_code(agent_id, copies)
        self._remember(body, answer)
        return answer

    def _checked_content(self, body: Mapping[str, Any]) -> dict[str, Any]:
        kind = body.get("msgtype")
        if kind not in ("text", "textcard", "markdown", "image", "template_card"):
            raise Refused(40008, "invalid message type")
        content = body.get(kind)
        if not isinstance(content, dict) or not content:
            raise Refused(44004, "content is empty")
        content = dict(content)
        if kind == "template_card":
            check_card(content, bool(self.config.callback_url))
        elif kind == "image":
            self.get_media(str(content.get("media_id") or ""))
        elif kind == "textcard":
            need(content, "title", 41016, "missing title")
            need(content, "description", 40058, "missing description")
            need(content, "url", 40058, "missing url")
            content |= {"title": content["title"][:128], "description": content["description"][:512]}
        else:
            need(content, "content", 44004, "text content is empty")
            raw = content["content"].encode()
            if kind == "markdown" and len(raw) > 2048:
                raise Refused(45002, "content size out of limit")
            content["content"] = raw[:2048].decode(errors="ignore")
        return content

    def _recipients(self, body: Mapping[str, Any]) -> tuple[list[Member], Answer]:
        lists = {}
        for key, limit, errcode in (("touser", 1000, 40032), ("toparty", 100, 82002), ("totag", 100, 82003)):
            lists[key] = [part for part in str(body.get(key) or "").split("|") if part]
            if len(lists[key]) > limit:
                raise Refused(errcode, f"invalid {key} list size")
        if not any(lists.values()):
            raise Refused(82001, "touser & toparty & totag all empty")
        if lists["touser"] == ["@all"]:
            return list(self.members.values()), {"invaliduser": "", "invalidparty": "", "invalidtag": ""}
        people = {u.lower(): m for u in lists["touser"] if (m := self.member(u))}
        people |= {k: m for k, m in self.members.items() if m.department and m.department in lists["toparty"]}
        bad_users = [u.lower() for u in lists["touser"] if self.member(u) is None]
        departments = {m.department for m in self.members.values()}
        bad_parties = [p for p in lists["toparty"] if p not in departments]
        if not people:
            raise Refused(81013, "user & party & tag all invalid")
        return list(people.values()), {
            "invaliduser": "|".join(bad_users),
            "invalidparty": "|".join(bad_parties),
            "invalidtag": "|".join(lists["totag"]),
        }

    def _duplicate_of(self, body: Mapping[str, Any]) -> Answer | None:
        if not body.get("enable_duplicate_check"):
            return None
        until, answer = self._duplicates.get(_fingerprint(body), (0.0, {}))
        return dict(answer) if until > self.now() else None

    def _remember(self, body: Mapping[str, Any], answer: Answer) -> None:
        now = self.now()
        if body.get("enable_duplicate_check"):
            interval = min(int(body.get("duplicate_check_interval") or 1800), 14_400)
            self._duplicates[_fingerprint(body)] = (now + interval, dict(answer))
        if len(self._duplicates) > 20_000:
            self._duplicates = {k: v for k, v in self._duplicates.items() if v[0] > now}
        if len(self._sent) > 20_000:
            self._sent = {k: v for k, v in self._sent.items() if now - v[0] < DAY}
            self._codes = {k: v for k, v in self._codes.items() if v.expires_at > now and not v.spent}

    def _use_quota(self, agent_id: int, people: int) -> None:
        today = (agent_id, int(self.now() // DAY))
        if 0 < self.quirks.day_quota < self._day_use[today] + people:
            raise Refused(45009, "api freq out of limit")
        self._day_use[today] += people

    def _within_pace(self, agent_id: int, userid: str) -> bool:
        """Over-frequency is dropped without a word, as the real platform does."""
        now = self.now()
        pace = self._paces.setdefault((agent_id, userid.lower()), deque())
        while pace and pace[0] <= now - 3600:
            pace.popleft()
        if len(pace) >= self.quirks.per_hour or sum(t > now - 60 for t in pace) >= self.quirks.per_minute:
            self.counts["dropped_by_rate"] += 1
            return False
        pace.append(now)
        return True

    def new_code(self, agent_id: int, copies: list[Message]) -> str:
        code = f"RC{self.dice.getrandbits(160):040x}"
        self._codes[code] = Code(agent_id, copies, self.now() + 3 * DAY)
        return code

    def copies_of(self, message: Message) -> list[Message]:
        return self._sent.get(message.msgid, (0.0, [message]))[1]

    def update_card(self, agent_id: int, body: Mapping[str, Any]) -> Answer:
        code = self._codes.get(str(body.get("response_code") or ""))
        if str(body.get("agentid")) != str(agent_id) or (code is not None and code.agent_id != agent_id):
            raise Refused(301002, "not allow operate another agent with this accesstoken")
        if code is None or code.spent or code.expires_at <= self.now():
            raise Refused(self.quirks.spent_code_errcode, "invalid response_code")
        named = {str(u).lower() for u in body.get("userids") or ()}
        parties = {str(p) for p in body.get("partyids") or ()}
        button, card = body.get("button"), body.get("template_card")
        if not (isinstance(button, dict) and button.get("replace_name")) and not isinstance(card, dict):
            raise Refused(40058, "button or template_card is required")
        if isinstance(card, dict):
            check_card(card, bool(self.config.callback_url), update=True)
        if not (named or parties or body.get("atall")):
            raise Refused(82001, "userids & partyids & tagids all empty")
        code.spent = True
        for message in code.copies:
            member = self.member(message.userid)
            is_named = message.userid.lower() in named or (member and member.department in parties)
            if body.get("atall") or is_named:
                self.change_card(message, button, card)
        return {"invaliduser": sorted(u for u in named if u not in self.members)}

    def change_card(self, message: Message, button: Any, card: Any) -> None:
        """Grey the buttons, or put a whole new card in the place of the old one."""
        if isinstance(card, dict):
            message.content = dict(card)
            message.task_id = str(card.get("task_id") or message.task_id)
            message.replace_name, message.pressed = str(card.get("replace_text") or ""), ""
        else:
            message.replace_name = str(button["replace_name"])
        message.status = ""
        self.version += 1

    def recall(self, agent_id: int, msgid: str) -> Answer:
        sent_at, copies = self._sent.get(msgid, (0.0, []))
        if self.now() - sent_at > DAY or any(m.agent_id != agent_id for m in copies):
            raise Refused(40058, "invalid msgid or out of recall time")
        for message in copies:
            message.recalled = True
        self.version += 1
        return {}

    # Media and sign-in

    def add_media(self, kind: str, filename: str, body: bytes, content_type: str) -> Answer:
        if kind not in MEDIA_LIMITS:
            raise Refused(40004, "invalid media type")
        if not 5 < len(body) <= MEDIA_LIMITS[kind]:
            raise Refused(40006, "invalid media size")
        if kind == "image" and not body.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            raise Refused(40005, "invalid file type")
        media_id = f"{self.dice.getrandbits(256):064x}"
        self.media[media_id] = Media(kind, filename, body, content_type, self.now())
        while len(self.media) > 500:
            del self.media[next(iter(self.media))]
        return {"type": kind, "media_id": media_id, "created_at": str(int(self.now()))}

    def get_media(self, media_id: str) -> Media:
        media = self.media.get(media_id)
        if media is None or self.now() - media.created_at > 3 * DAY:
            raise Refused(40007, "invalid media_id")
        return media

    def new_sign_in(self, userid: str) -> str:
        code = f"{self.dice.getrandbits(256):064x}"
        self._sign_ins[code] = (userid, self.now() + 300)
        return code

    def user_of(self, code: str, *, old_path: bool = False) -> Answer:
        userid, expires_at = self._sign_ins.pop(code, ("", 0.0))
        if expires_at <= self.now():
            raise Refused(40029, "invalid code")
        member = self.member(userid)
        if member is None:
            openid = "OpenId" if old_path else "openid"
            return {openid: f"oOUT{userid}", "external_userid": f"wmOUT{userid}"}
        return {("UserId" if old_path else "userid"): member.userid}


def _fingerprint(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
