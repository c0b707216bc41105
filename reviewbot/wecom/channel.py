"""A message body of ours becomes WeCom JSON: the same body always gives the same bytes (W9)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewbot.files.pictures import read_picture
from reviewbot.rules.buttons import TYPED
from reviewbot.rules.notices import NONE, QUESTION
from reviewbot.wecom import messages
from reviewbot.wecom.buttons import pack, task_id
from reviewbot.wecom.capabilities import Capabilities, Capability, NotHere
from reviewbot.wecom.client import Sent, WeComClient
from reviewbot.wecom.errors import Kind, WeComError
from reviewbot.wecom.pace import Pace

DEAD_MEDIA = 40007


@dataclass(frozen=True)
class Carried:
    """What the platform answered; ``msgid`` is None for what is no message, "" where the platform gave none."""

    msgid: str | None = None
    response_code: str | None = None
    undelivered: bool = False


@dataclass(frozen=True)
class CarriedToMany:
    """``undelivered``: lower-case userids it will not reach."""

    msgid: str
    undelivered: frozenset[str]


class WeComChannel:
    """Carries bodies of ``reviewbot.rules.notices`` to members; pictures lie in ``folder`` (data_dir)."""

    def __init__(
        self,
        client: WeComClient,
        pace: Pace,
        *,
        address: str,
        folder: Path,
        switched_on: Collection[Capability] = frozenset(Capability),
    ) -> None:
        self._client = client
        self._pace = pace
        self._able = Capabilities(client.health, switched_on)
        self._address = address
        self._folder = folder

    def room(self) -> int | None:
        """How many messages may be sent now: 0 while WeCom is parked or the day's quota is spent, None = any."""
        return 0 if self._client.health.is_spent() else self._client.gates.room("message/send")

    def deliver(self, userid: str, body: dict[str, Any], message_id: int, /) -> Carried:
        """Send one body to one member. Raises WeComError."""
        match body["type"]:
            case "card_update":
                change = self._card_json(body["card"], message_id) if "card" in body else body["words"]
                self._client.update_card([userid], body["response_code"], change)
                return Carried()
            case "recall":
                self._recall(body["msgid"])
                return Carried()
        sent = self._send([userid], body, message_id)
        return Carried(sent.msgid, sent.response_code, userid.lower() in sent.undelivered)

    def deliver_to_many(
        self, userids: Sequence[str], body: dict[str, Any], message_id: int, /
    ) -> CarriedToMany:
        """Send one body that is the same for everybody to up to 1,000 members in one call. Raises WeComError."""
        sent = self._send(userids, body, message_id)
        return CarriedToMany(sent.msgid, sent.undelivered)

    def _recall(self, msgid: str) -> None:
        """Take a message back; a platform that cannot is told apart, so that words are sent in its place (W28)."""
        if self._able.can(Capability.recall):
            try:
                return self._client.recall(msgid)
            except WeComError as error:
                if error.kind is not Kind.config or error.errcode is not None:
                    raise
            self._able.lacks(Capability.recall)  # the address itself is unknown there
        raise WeComError("平台不能撤回消息", kind=Kind.permanent)

    def _send(self, userids: Sequence[str], body: dict[str, Any], message_id: int) -> Sent:
        """In the first form this platform knows, from the richest down to plain text (W28), at our pace (W13)."""
        with self._pace.kept(userids):
            return self._able.first(*self._forms(userids, body, message_id))

    def _forms(
        self, userids: Sequence[str], body: dict[str, Any], message_id: int
    ) -> list[tuple[Capability | None, Callable[[], Sent]]]:
        card, textcard = Capability.template_card, Capability.textcard
        match body["type"]:
            case "card":
                return [
                    (card, lambda: self._post(self._card_message(userids, body, message_id), message_id)),
                    (textcard, lambda: self._post(self._textcard(userids, body), message_id)),
                    self._words(userids, message_id, self._as_text(body)),
                ]
            case "choice":
                return [
                    (card, lambda: self._post(self._vote_message(userids, body, message_id), message_id)),
                    self._words(userids, message_id, _choice_as_text(body)),
                ]
            case "image":
                return [
                    (Capability.picture, lambda: self._picture(userids, body, message_id)),
                    self._words(userids, message_id, body["alt"]),
                ]
            case "markdown":
                return [
                    (Capability.markdown, lambda: self._post(self._markdown(userids, body), message_id)),
                    self._words(userids, message_id, body["alt"]),
                ]
        return [self._words(userids, message_id, body["content"])]

    def _words(
        self, userids: Sequence[str], message_id: int, content: str
    ) -> tuple[None, Callable[[], Sent]]:
        return None, lambda: self._post(messages.text(self._client.agent_id, userids, content), message_id)

    def _post(self, payload: messages.Payload, message_id: int) -> Sent:
        """Two messages with the same words are two requests: WeCom would drop the second as a repeat of the first,
        and a clerk who asks twice would be answered once. A repeat of the same message has the same serial (W9)."""
        return self._client.send(messages.encode(payload | {"serial": message_id}))

    def _picture(self, userids: Sequence[str], body: dict[str, Any], message_id: int) -> Sent:
        data = read_picture(self._folder, body["sha256"])
        if data is None:
            raise NotHere
        try:
            return self._post_picture(userids, body["name"], data, message_id)
        except WeComError as exc:
            if exc.errcode != DEAD_MEDIA:
                raise
        self._client.forget_media("image", body["name"], data)
        return self._post_picture(userids, body["name"], data, message_id)

    def _post_picture(self, userids: Sequence[str], name: str, data: bytes, message_id: int) -> Sent:
        media_id = self._client.upload_media("image", name, data)
        return self._post(messages.image(self._client.agent_id, userids, media_id), message_id)

    def _markdown(self, userids: Sequence[str], body: dict[str, Any]) -> messages.Payload:
        return messages.markdown(self._client.agent_id, userids, body["content"])

    def _card_message(
        self, userids: Sequence[str], body: dict[str, Any], message_id: int
    ) -> messages.Payload:
        return messages.button_card(self._client.agent_id, userids, self._card(body, message_id))

    def _textcard(self, userids: Sequence[str], body: dict[str, Any]) -> messages.Payload:
        """The card as a notice that opens the page; what its buttons do is told in words."""
        told = "\n".join(self._told(body))
        return messages.textcard(
            self._client.agent_id, userids, body["title"], told, self._address + body["link"]
        )

    def _card_json(self, body: dict[str, Any], message_id: int) -> messages.Payload:
        return messages.card_json(self._card(body, message_id, update=True))

    def _card(self, body: dict[str, Any], message_id: int, *, update: bool = False) -> messages.Card:
        link = self._address + body["link"]
        number, round_ = body["number"], body["round"]
        buttons = [
            messages.Button(
                text, pack(verb, number, round_), style, self._address + page[0] if page else None
            )
            for text, verb, style, *page in body["buttons"]
        ]
        replaced = "" if buttons else body.get("done", "") if update else ""
        if (buttons and not body.get("words")) or replaced:
            buttons.append(messages.Button("打开工单", "open", 2, link))
        return messages.Card(
            task_id=task_id(number, round_, "n", message_id),
            source=body.get("source", "好差评"),
            title=body["title"],
            desc=body["desc"],
            sub_title=body["note"],
            rows=[(name, value) for name, value in body["rows"]],
            buttons=buttons,
            url=link,
            source_color=2,
            replaced=replaced,
        )

    def _vote_message(
        self, userids: Sequence[str], body: dict[str, Any], message_id: int
    ) -> messages.Payload:
        vote = messages.Vote(
            task_id=task_id(body["key"], 0, "n", message_id),
            source="好差评",
            title=body["title"],
            desc=body["desc"],
            question=QUESTION,
            options=[(key, text) for key, text in body["options"]],
            submit=body["submit"],
            key=pack("choose", body["key"], 0),
        )
        return messages.vote_card(self._client.agent_id, userids, vote)

    def _as_text(self, body: dict[str, Any]) -> str:
        """The card in words, for platforms and readers without cards (W28): every button has its text."""
        return "\n".join([f"【{body['title']}】", *self._told(body), self._address + body["link"]])

    def _told(self, body: dict[str, Any]) -> list[str]:
        lines = [body["desc"], body["note"], *(f"{name}：{value}" for name, value in body["rows"])]
        said = [TYPED[verb].format(number=body["number"]) for _, verb, *_ in body["buttons"] if verb in TYPED]
        lines += [f"回复「{words}」" for words in said]
        lines += [body.get("words", ""), body.get("source", "")]
        return [line for line in lines if line]


def _choice_as_text(body: dict[str, Any]) -> str:
    options = [f"{key}　{text.removeprefix(key).strip()}" for key, text in body["options"] if key != NONE]
    return "\n".join([f"{body['title']}：{body['desc']}", *options, "请回复工单号，例如「A1027」。"])
