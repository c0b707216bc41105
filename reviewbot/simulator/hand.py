"""What a member does on a phone: each act pushes its callback and waits for the passive answer (Q10, Q11)."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from reviewbot.simulator.cards import card_keys
from reviewbot.simulator.config import Member, Refused
from reviewbot.simulator.events import event, selected
from reviewbot.simulator.media import looks_like, silence
from reviewbot.simulator.messages import Message
from reviewbot.simulator.platform import Platform
from reviewbot.simulator.pushing import NO_ADDRESS, TIMEOUT, Outcome, Pusher

LOOK_ELSEWHERE = "你收到一条消息，请在企业微信中查看"
HOME_PAGE_BYTES = 20
WORKING, TRY_AGAIN = "处理中", "处理超时，请点击重试"
CASES: dict[str, Callable[[str], str]] = {
    "directory": str,
    "lower": str.lower,
    "upper": str.upper,
    "swapped": str.swapcase,
}


class Hand:
    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self.platform = platform
        self.pusher = pusher
        self._last_id = ("", "")

    # Sending messages

    async def say(self, member: Member, content: str) -> Outcome:
        if not content.strip() or len(content.encode()) > 2048:
            raise Refused(400, "内容为空或超过 2048 字节")
        return await self._say(member, "text", {"content": content}, Content=content)

    async def photo(self, member: Member, base: str, name: str, body: bytes, content_type: str) -> Outcome:
        if not looks_like("image", body):
            raise Refused(400, "只能发送 10 MB 以内的 JPG 或 PNG 图片")
        media_id = self._keep("image", name, body, content_type)
        facts = {"PicUrl": f"{base}sim/media/{media_id}", "MediaId": media_id}
        return await self._say(member, "image", {"media_id": media_id}, **facts)

    async def voice(self, member: Member, words: str, seconds: int, recorded: bytes = b"") -> Outcome:
        """A recording; without one, as many seconds of silence. ``words`` is what was said in it."""
        body = recorded or silence(seconds)
        media_id = self._keep("voice", "voice.amr", body, "audio/amr")
        facts = {"MediaId": media_id, "Format": "amr"}
        if self.platform.quirks.voice_recognition:
            facts["Recognition"] = words
        shown = {"media_id": media_id, "seconds": max(1, min(seconds, 60)), "words": words}
        return await self._say(member, "voice", shown, **facts)

    async def video(self, member: Member, name: str, body: bytes) -> Outcome:
        media_id = self._keep("video", name, body, "video/mp4")
        thumb = self._keep("image", "thumb.jpg", b"\xff\xd8\xff\xe0" + bytes(64), "image/jpeg")
        facts = {"MediaId": media_id, "ThumbMediaId": thumb}
        return await self._say(member, "video", {"media_id": media_id, "filename": name}, **facts)

    async def location(self, member: Member, latitude: float, longitude: float, label: str) -> Outcome:
        content = {"latitude": latitude, "longitude": longitude, "label": label}
        facts: dict[str, Any] = {"Location_X": latitude, "Location_Y": longitude, "Scale": 15, "Label": label}
        if not self.in_plugin(member):
            facts["AppType"] = "wxwork"
        return await self._say(member, "location", content, **facts)

    def _keep(self, kind: str, name: str, body: bytes, content_type: str) -> str:
        try:
            return str(self.platform.media.add(kind, name, body, content_type)["media_id"])
        except Refused as wrong:
            raise Refused(400, f"不能发送：{wrong.errmsg}") from wrong

    # The application's menu and its home page

    async def enter(self, member: Member) -> Outcome:
        outcome = await self._push(member, "event", Event="enter_agent", EventKey="")
        if self.platform.quirks.report_location:
            where: dict[str, Any] = {
                "Latitude": 23.56,
                "Longitude": 116.16,
                "Precision": 30,
                "AppType": "wxwork",
            }
            await self._push(member, "event", Event="LOCATION", **where)
        return outcome

    async def menu(self, member: Member, base: str, path: list[int], took: Mapping[str, Any]) -> Outcome:
        """Touch a menu button. ``took`` is what the phone took for it: a picture, a place, a scanned code."""
        button = self.platform.menus.find(self._agent_id(), path)
        if button is None:
            raise Refused(404, "菜单上没有这个按钮")
        kind = str(button["type"])
        key = str(button.get("url" if kind == "view" else "key") or button.get("pagepath") or "")
        if kind.startswith("pic_"):
            return await self._menu_picture(member, base, kind, key, bytes(took.get("photo") or b""))
        if kind == "location_select":
            return await self._menu_place(member, key, took)
        if kind.startswith("scancode_"):
            return await self._menu_code(member, kind, key, str(took.get("scanned") or "https://example.cn/"))
        return await self._push(member, "event", Event=kind, EventKey=key)

    async def _menu_picture(self, member: Member, base: str, kind: str, key: str, photo: bytes) -> Outcome:
        if not looks_like("image", photo):
            raise Refused(400, "请选择一张 JPG 或 PNG 图片")
        md5 = hashlib.md5(photo, usedforsecurity=False).hexdigest()
        info = {"Count": 1, "PicList": {"item": {"PicMd5Sum": md5}}}
        outcome = await self._push(member, "event", Event=kind, EventKey=key, SendPicsInfo=info)
        if self.platform.quirks.menu_sends_message:
            return await self.photo(member, base, "photo.jpg", photo, "")
        return outcome

    async def _menu_place(self, member: Member, key: str, took: Mapping[str, Any]) -> Outcome:
        latitude, longitude = float(took.get("latitude") or 23.56), float(took.get("longitude") or 116.16)
        label = str(took.get("label") or "广东省揭阳市")
        info = {
            "Location_X": str(latitude),
            "Location_Y": str(longitude),
            "Scale": "15",
            "Label": label,
            "Poiname": "",
        }
        outcome = await self._push(
            member, "event", Event="location_select", EventKey=key, SendLocationInfo=info, AppType="wxwork"
        )
        if self.platform.quirks.menu_sends_message:
            return await self.location(member, latitude, longitude, label)
        return outcome

    async def _menu_code(self, member: Member, kind: str, key: str, scanned: str) -> Outcome:
        info = {"ScanType": "qrcode", "ScanResult": scanned}
        outcome = await self._push(member, "event", Event=kind, EventKey=key, ScanCodeInfo=info)
        if self.platform.quirks.menu_sends_message and kind == "scancode_waitmsg":
            return await self.say(member, scanned)
        return outcome

    # Cards

    async def press(self, member: Member, task_id: str, key: str, picked: Mapping[str, Any]) -> Outcome:
        card = self._pressable(member, task_id)
        buttons, menu = card_keys(card.content)
        if key not in buttons | menu:
            raise Refused(404, "卡片上没有这个按钮")
        before = card.content
        card.pressed, card.status = key, WORKING
        self.platform.version += 1
        name = "template_card_event" if key in buttons else "template_card_menu_event"
        code = self.platform.messages.new_code(card.agent_id, self.platform.messages.copies_of(card))
        kind = str(before.get("card_type"))
        facts: dict[str, Any] = {"Event": name, "EventKey": key, "TaskId": task_id, "CardType": kind}
        if picked:
            facts["SelectedItems"] = selected({str(q): [str(o) for o in ids] for q, ids in picked.items()})
        outcome = await self._push(member, "event", agent_id=card.agent_id, **facts, ResponseCode=code)
        return self._apply(card, before, outcome)

    def _pressable(self, member: Member, task_id: str) -> Message:
        card = self.platform.find_card(member.userid, task_id)
        if card is None:
            raise Refused(404, "没有这张卡片")
        if self.in_plugin(member):
            raise Refused(409, "微信插件中不能操作卡片")
        if card.replace_name:
            raise Refused(409, "卡片已处理")
        if card.status == WORKING:
            raise Refused(409, WORKING)
        return card

    def _apply(self, card: Message, before: dict[str, Any], outcome: Outcome) -> Outcome:
        """The passive answer has the last word, even over an update made meanwhile through the API."""
        reply = outcome.reply or {}
        button, new_card = reply.get("Button"), reply.get("TemplateCard")
        quirks, change = self.platform.quirks, self.platform.messages.change_card
        updated = card.status != WORKING
        if updated and not quirks.passive_overrides_update:
            return outcome
        if reply.get("MsgType") == "update_button" and isinstance(button, dict):
            card.content = before
            change(card, {"replace_name": button.get("ReplaceName") or "已处理"}, None)
        elif reply.get("MsgType") == "update_template_card" and isinstance(new_card, dict):
            change(card, None, new_card)
        elif not outcome.delivered or quirks.empty_answer_is_timeout:
            card.content, card.replace_name, card.pressed, card.status = before, "", "", TRY_AGAIN
            outcome = Outcome(False, TIMEOUT if outcome.delivered else outcome.status)
        else:
            card.status, card.pressed = "", ""
        self.platform.version += 1
        return outcome

    # Reading

    def in_plugin(self, member: Member) -> bool:
        readers = {name.lower() for name in self.platform.quirks.plugin_readers}
        return bool(readers & {"*", member.userid.lower()})

    def shown(self, member: Member, message: Message) -> tuple[str, dict[str, Any]]:
        """Kind and content as this reader sees them: the WeChat plugin knows neither cards nor markdown."""
        if not message.from_app or not self.in_plugin(member):
            return message.kind, message.content
        if self.platform.quirks.plugin_home_page:
            text = str(message.content.get("content") or "") if message.kind == "text" else LOOK_ELSEWHERE
            return "text", {"content": text.encode()[:HOME_PAGE_BYTES].decode(errors="ignore")}
        if message.kind in ("template_card", "markdown"):
            return "text", {"content": LOOK_ELSEWHERE}
        return message.kind, message.content

    # Pushing

    def _agent_id(self) -> int:
        return self.platform.config.agents[0].agent_id

    def event(self, member: Member, kind: str, **facts: Any) -> dict[str, Any]:
        """An event of this member now, with the name and the second that the switches give it."""
        quirks = self.platform.quirks
        step = max(1, quirks.create_time_step)
        at = self.platform.now() // step * step
        return event(
            self.platform.config.corp_id, CASES[quirks.userid_case](member.userid), at, kind, **facts
        )

    async def _push(self, member: Member, kind: str, *, agent_id: int = 0, **facts: Any) -> Outcome:
        agent_id = agent_id or self._agent_id()
        return await self.pusher.push(agent_id, self.event(member, kind, **facts, AgentID=agent_id))

    def message_id(self, userid: str) -> int:
        """A new number, or, by the switch, the one that another member's message has just carried."""
        owner, number = self._last_id
        self._last_id = ("", "")
        if number and owner != userid:
            return int(number)
        number = self.platform.next_id()
        if self.platform.quirks.shared_msg_id:
            self._last_id = (userid, number)
        return int(number)

    async def _say(self, member: Member, kind: str, content: dict[str, Any], **facts: Any) -> Outcome:
        agent_id = self._agent_id()
        bubble = self.platform.put(member.userid, agent_id, kind, content, from_app=False, read=True)
        outcome = await self._push(member, kind, **facts, MsgId=self.message_id(member.userid))
        bubble.status = "" if outcome.delivered or outcome.status == NO_ADDRESS else outcome.status
        if outcome.reply:
            self._answer(member, outcome.reply)
        self.platform.version += 1
        return outcome

    def _answer(self, member: Member, reply: Mapping[str, Any]) -> None:
        """A passive answer to a message: text, or a stored picture, recording or film."""
        kind = str(reply.get("MsgType") or "")
        if kind == "text":
            content: dict[str, Any] = {"content": str(reply.get("Content") or "")}
        elif kind in ("image", "voice", "video") and isinstance(reply.get(kind.title()), dict):
            content = {"media_id": str(reply[kind.title()].get("MediaId") or "")}
        else:
            return
        self.platform.put(member.userid, self._agent_id(), kind, content)
