"""What a member does on a phone: each act pushes its callback and waits for the passive answer."""

from collections.abc import Mapping
from typing import Any

from reviewbot.simulator.cards import card_keys
from reviewbot.simulator.config import Member, Refused
from reviewbot.simulator.events import event_xml, selected_xml
from reviewbot.simulator.platform import Message, Platform
from reviewbot.simulator.pushing import TIMEOUT, Outcome, Pusher


class Hand:
    """What a member does on the phone; each act pushes its callback and waits for the passive answer."""

    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self.platform = platform
        self.pusher = pusher

    async def say(self, member: Member, content: str) -> Outcome:
        if not content.strip() or len(content.encode()) > 2048:
            raise Refused(400, "内容为空或超过 2048 字节")
        return await self._say(member, "text", {"content": content}, Content=content)

    async def photo(self, member: Member, base: str, name: str, body: bytes, content_type: str) -> Outcome:
        try:
            media_id = self.platform.add_media("image", name, body, content_type)["media_id"]
        except Refused as exc:
            raise Refused(400, "只能发送 10 MB 以内的 JPG 或 PNG 图片") from exc
        facts = {"PicUrl": f"{base}sim/media/{media_id}", "MediaId": media_id}
        return await self._say(member, "image", {"media_id": media_id}, **facts)

    async def enter(self, member: Member) -> Outcome:
        agent_id = self.platform.config.agents[0].agent_id
        return await self._push(member, agent_id, "event", Event="enter_agent", EventKey="")

    async def press(self, member: Member, task_id: str, key: str, picked: Mapping[str, Any]) -> Outcome:
        card = self.platform.find_card(member.userid, task_id)
        if card is None:
            raise Refused(404, "没有这张卡片")
        if card.replace_name:
            raise Refused(409, "卡片已处理")
        if card.status == "处理中":
            raise Refused(409, "处理中")
        buttons, menu = card_keys(card.content)
        if key not in buttons | menu:
            raise Refused(404, "卡片上没有这个按钮")
        before = card.content
        card.pressed, card.status = key, "处理中"
        self.platform.version += 1
        event = "template_card_event" if key in buttons else "template_card_menu_event"
        code = self.platform.new_code(card.agent_id, self.platform.copies_of(card))
        facts = {"Event": event, "EventKey": key, "TaskId": task_id, "CardType": str(before.get("card_type"))}
        if picked:
            facts["SelectedItems"] = selected_xml(
                {str(q): [str(o) for o in ids] for q, ids in picked.items()}
            )
        outcome = await self._push(member, card.agent_id, "event", **facts, ResponseCode=code)
        return self._apply(card, before, outcome)

    def _apply(self, card: Message, before: dict[str, Any], outcome: Outcome) -> Outcome:
        """The passive answer has the last word, even over an update made meanwhile through the API."""
        reply = outcome.reply or {}
        button, new_card = reply.get("Button"), reply.get("TemplateCard")
        if reply.get("MsgType") == "update_button" and isinstance(button, dict):
            self.platform.change_card(card, {"replace_name": button.get("ReplaceName") or "已处理"}, None)
        elif reply.get("MsgType") == "update_template_card" and isinstance(new_card, dict):
            self.platform.change_card(card, None, new_card)
        elif not outcome.delivered or self.platform.quirks.empty_answer_is_timeout:
            card.content, card.replace_name, card.pressed = before, "", ""
            card.status = "处理超时，请点击重试"
            outcome = Outcome(False, TIMEOUT if outcome.delivered else outcome.status)
        else:
            card.status, card.pressed = "", ""
        self.platform.version += 1
        return outcome

    async def _push(self, member: Member, agent_id: int, kind: str, **facts: str | int) -> Outcome:
        platform = self.platform
        xml = event_xml(platform.config.corp_id, member.userid, agent_id, platform.now(), kind, **facts)
        return await self.pusher.push(agent_id, xml)

    async def _say(self, member: Member, kind: str, content: dict[str, Any], **facts: str | int) -> Outcome:
        agent_id = self.platform.config.agents[0].agent_id
        bubble = self.platform.put(member.userid, agent_id, kind, content, from_app=False, read=True)
        outcome = await self._push(member, agent_id, kind, **facts, MsgId=int(self.platform.next_id()))
        bubble.status = "" if outcome.delivered else outcome.status
        if outcome.reply and outcome.reply.get("MsgType") == "text":
            said = {"content": str(outcome.reply.get("Content") or "")}
            self.platform.put(member.userid, agent_id, "text", said)
        self.platform.version += 1
        return outcome
