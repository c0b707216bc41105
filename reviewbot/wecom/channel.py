"""A message body of ours becomes WeCom JSON: the same body always gives the same bytes (W9)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewbot.pictures import read_picture
from reviewbot.wecom import messages
from reviewbot.wecom.buttons import pack, task_id
from reviewbot.wecom.client import WeComClient
from reviewbot.wecom.errors import WeComError

DEAD_MEDIA = 40007


@dataclass(frozen=True)
class Carried:
    """What the platform answered."""

    msgid: str = ""
    response_code: str | None = None
    undelivered: bool = False


class WeComChannel:
    """Carries bodies of ``reviewbot.rules.notices`` to one member each; pictures lie in ``folder`` (data_dir)."""

    def __init__(
        self, client: WeComClient, *, address: str, folder: Path, cards: bool = True, pictures: bool = True
    ) -> None:
        self._client = client
        self._address = address
        self._folder = folder
        self._cards = cards
        self._pictures = pictures

    def deliver(self, userid: str, body: dict[str, Any], message_id: int, /) -> Carried:
        """Send one body to one member. Raises WeComError."""
        match body["type"]:
            case "card_update":
                change = self._card_json(body["card"], message_id) if "card" in body else body["words"]
                self._client.update_card([userid], body["response_code"], change)
                return Carried()
            case "image":
                return self._picture(userid, body)
            case "card" if self._cards:
                card = self._card(body, message_id)
                return self._send(userid, messages.button_card(self._client.agent_id, [userid], card))
            case "card":
                return self._text(userid, self._as_text(body))
            case _:
                return self._text(userid, body["content"])

    def _send(self, userid: str, payload: messages.Payload) -> Carried:
        sent = self._client.send(messages.encode(payload))
        return Carried(sent.msgid, sent.response_code, userid.lower() in sent.undelivered)

    def _text(self, userid: str, content: str) -> Carried:
        return self._send(userid, messages.text(self._client.agent_id, [userid], content))

    def _picture(self, userid: str, body: dict[str, Any]) -> Carried:
        """The picture, or what it shows in words where pictures cannot be sent (W28)."""
        data = read_picture(self._folder, body["sha256"]) if self._pictures else None
        if data is None:
            return self._text(userid, body["alt"])
        try:
            return self._send_picture(userid, body["name"], data)
        except WeComError as exc:
            if exc.errcode != DEAD_MEDIA:
                raise
        self._client.forget_media("image", body["name"], data)
        return self._send_picture(userid, body["name"], data)

    def _send_picture(self, userid: str, name: str, data: bytes) -> Carried:
        media_id = self._client.upload_media("image", name, data)
        return self._send(userid, messages.image(self._client.agent_id, [userid], media_id))

    def _card_json(self, body: dict[str, Any], message_id: int) -> messages.Payload:
        return messages.card_json(self._card(body, message_id))

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
