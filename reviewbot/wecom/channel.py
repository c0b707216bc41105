"""A message body of ours becomes WeCom JSON: the same body always gives the same bytes (W9)."""

from dataclasses import dataclass
from typing import Any

from reviewbot.wecom import messages
from reviewbot.wecom.buttons import pack, task_id
from reviewbot.wecom.client import WeComClient


@dataclass(frozen=True)
class Carried:
    """What the platform answered."""

    msgid: str = ""
    response_code: str | None = None
    undelivered: bool = False


class WeComChannel:
    """Carries bodies of ``reviewbot.rules.notices`` to one member each."""

    def __init__(self, client: WeComClient, *, agent_id: int, address: str, cards: bool) -> None:
        self._client = client
        self._agent_id = agent_id
        self._address = address
        self._cards = cards

    def deliver(self, userid: str, body: dict[str, Any], message_id: int, /) -> Carried:
        """Send one body to one member. Raises WeComError."""
        if body["type"] == "card_update":
            self._client.update_card([userid], body["response_code"], body["words"])
            return Carried()
        sent = self._client.send(messages.encode(self._payload(userid, body, message_id)))
        return Carried(sent.msgid, sent.response_code, userid.lower() in sent.undelivered)

    def _payload(self, userid: str, body: dict[str, Any], message_id: int) -> messages.Payload:
        if body["type"] == "text":
            return messages.text(self._agent_id, [userid], body["content"])
        if not self._cards:
            return messages.text(self._agent_id, [userid], self._as_text(body))
        return messages.button_card(self._agent_id, [userid], self._card(body, message_id))

    def _card(self, body: dict[str, Any], message_id: int) -> messages.Card:
        link = self._address + body["link"]
        number, round_ = body["number"], body["round"]
        buttons = [
            messages.Button(text, pack(verb, number, round_), style) for text, verb, style in body["buttons"]
        ]
        if buttons:
            buttons.append(messages.Button("打开工单", "open", 2, link))
        return messages.Card(
            task_id=task_id(number, round_, "n", message_id),
            source="好差评 · 差评工单",
            title=body["title"],
            desc=body["desc"],
            sub_title=body["note"],
            rows=[(name, value) for name, value in body["rows"]],
            buttons=buttons,
            url=link,
            source_color=2,
        )

    def _as_text(self, body: dict[str, Any]) -> str:
        """The card in words, for platforms and readers without cards (W28): every button has its text."""
        lines = [f"【{body['title']}】{body['desc']}", body["note"]]
        lines += [f"{name}：{value}" for name, value in body["rows"]]
        lines += [f"回复「{text} {body['number']}」" for text, verb, _ in body["buttons"] if verb == "sign"]
        lines.append(self._address + body["link"])
        return "\n".join(line for line in lines if line)
