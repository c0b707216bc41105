"""Unusual but genuine callbacks (Q14-Q16), each fired by name: the application must take every one of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from reviewbot.simulator.config import CONTACTS, Member, Refused
from reviewbot.simulator.events import Event, event, selected
from reviewbot.simulator.hand import Hand
from reviewbot.simulator.pushing import Outcome

Make = Callable[["Stage"], list[Event]]


@dataclass(frozen=True)
class Stage:
    """Whose phone, and the application it belongs to."""

    hand: Hand
    member: Member
    agent_id: int

    def event(self, kind: str, **facts: Any) -> Event:
        return self.hand.event(self.member, kind, **facts, AgentID=self.agent_id)

    def text(self, content: str) -> Event:
        return self.event("text", Content=content, MsgId=int(self.hand.platform.next_id()))

    def click(
        self, key: str, picked: dict[str, list[str]] | None = None, name: str = "template_card_event"
    ) -> Event:
        chosen = {"SelectedItems": selected(picked)} if picked is not None else {}
        code = self.hand.platform.messages.new_code(self.agent_id, [])
        card = {"TaskId": "sim-scene", "CardType": "button_interaction", "ResponseCode": code}
        return self.event("event", Event=name, EventKey=key, **card, **chosen)

    def other_member(self) -> Member:
        people = list(self.hand.platform.people.members.values())
        return next((m for m in people if m is not self.member), self.member)


@dataclass(frozen=True)
class Scene:
    """``q`` is the quirk it belongs to."""

    name: str
    q: int
    title: str
    make: Make
    contacts: bool = False


def _same_second(stage: Stage) -> list[Event]:
    first = stage.event("event", Event="click", EventKey="first")
    return [first, {**first, "EventKey": "second"}]


def _same_msg_id(stage: Stage) -> list[Event]:
    first = stage.text("同一个 MsgId，第一人")
    return [first, first | {"FromUserName": stage.other_member().userid, "Content": "同一个 MsgId，第二人"}]


def _other_case(stage: Stage) -> list[Event]:
    told = stage.text("大小写不同的账号")
    return [told | {"FromUserName": stage.member.userid.swapcase()}]


def _event(name: str, **facts: Any) -> Make:
    return lambda stage: [stage.event("event", Event=name, **facts)]


def _contact(change: str, **facts: Any) -> Make:
    def make(stage: Stage) -> list[Event]:
        told = {"Event": "change_contact", "ChangeType": change, **facts}
        if change.endswith("_user"):
            told["UserID"] = stage.member.userid
        if change in ("create_user", "update_user"):
            told["Department"] = str(stage.hand.platform.people.department_id(stage.member))
            if stage.hand.platform.quirks.contact_details:
                told |= {"Name": stage.member.name, "Position": stage.member.title}
        config, at = stage.hand.platform.config, stage.hand.platform.now()
        return [event(config.corp_id, "sys", at, "event", **told)]

    return make


def _message(kind: str, **facts: Any) -> Make:
    return lambda stage: [stage.event(kind, **facts, MsgId=int(stage.hand.platform.next_id()))]


SCENES: dict[str, Scene] = {
    scene.name: scene
    for scene in (
        Scene("same_second", 14, "同一秒、同一人的两个不同事件", _same_second),
        Scene("same_msg_id", 14, "两个人的消息，同一个 MsgId", _same_msg_id),
        Scene("none_selected", 15, "点击，没有 SelectedItems", lambda s: [s.click("scene")]),
        Scene("one_selected", 15, "点击，一项选择", lambda s: [s.click("scene", {"q": ["a"]})]),
        Scene(
            "many_selected",
            15,
            "点击，多题多选",
            lambda s: [s.click("scene", {"q1": ["a", "b"], "q2": ["c"], "原因": ["甲"]})],
        ),
        Scene("chinese_key", 15, "中文的 EventKey", lambda s: [s.click("签收：差评工单")]),
        Scene("long_key", 15, "1 kB 的 EventKey", lambda s: [s.click("k" * 1024)]),
        Scene("empty_text", 15, "空的 Content", lambda s: [s.text("")]),
        Scene("emoji", 15, "表情符号与罕用字", lambda s: [s.text("好的👨‍👩‍👧‍👦𠮷")]),
        Scene("cdata_end", 15, "内容里有 ]]>", lambda s: [s.text("a]]>b<![CDATA[c")]),
        Scene("full_text", 15, "2048 字节的文字", lambda s: [s.text("字" * 682 + "ab")]),
        Scene("other_case", 15, "FromUserName 大小写与通讯录不同", _other_case),
        Scene(
            "file_message",
            16,
            "文件消息（文档没有）",
            _message("file", MediaId="x" * 64, FileName="证据.docx"),
        ),
        Scene(
            "link_message",
            16,
            "链接消息",
            _message("link", Title="标题", Description="", Url="https://example.cn/"),
        ),
        Scene("unknown_message", 16, "未知的消息类型", _message("hologram", Content="?")),
        Scene("unknown_event", 16, "未知的事件", _event("brand_new_event", EventKey="x")),
        Scene(
            "menu_event",
            16,
            "卡片右上角菜单",
            lambda s: [s.click("menu", name="template_card_menu_event")],
        ),
        Scene(
            "view_miniprogram",
            16,
            "打开小程序",
            _event("view_miniprogram", EventKey="pages/index", AppId="wx0"),
        ),
        Scene("subscribe", 16, "成员进入可见范围", _event("subscribe", EventKey="")),
        Scene("unsubscribe", 16, "成员离开可见范围", _event("unsubscribe", EventKey="")),
        Scene("close_inactive_agent", 16, "应用因不活跃将停用", _event("close_inactive_agent")),
        Scene("reopen_inactive_agent", 16, "应用重新启用", _event("reopen_inactive_agent")),
        Scene("low_active", 16, "应用低活跃预警", _event("low_active")),
        Scene("create_user", 16, "通讯录：新增成员", _contact("create_user"), contacts=True),
        Scene("update_user", 16, "通讯录：变更成员", _contact("update_user"), contacts=True),
        Scene(
            "rename_user", 16, "通讯录：换账号", _contact("update_user", NewUserID="renamed"), contacts=True
        ),
        Scene("delete_user", 16, "通讯录：删除成员", _contact("delete_user"), contacts=True),
        Scene(
            "create_party", 16, "通讯录：新增部门", _contact("create_party", Id=99, ParentId=1), contacts=True
        ),
        Scene(
            "update_party", 16, "通讯录：变更部门", _contact("update_party", Id=2, ParentId=1), contacts=True
        ),
        Scene("delete_party", 16, "通讯录：删除部门", _contact("delete_party", Id=99), contacts=True),
        Scene(
            "update_tag",
            16,
            "通讯录：标签变更",
            _contact("update_tag", TagId=1),
            contacts=True,
        ),
    )
}


async def play(hand: Hand, scene: Scene, member: Member) -> list[Outcome]:
    """Push the scene's callbacks one after another; what the application answered to each."""
    agent_id = hand.platform.config.agents[0].agent_id
    told = scene.make(Stage(hand, member, agent_id))
    receiver = CONTACTS if scene.contacts else agent_id
    return [await hand.pusher.push(receiver, one, alone=True) for one in told]


async def crowd(acts: Sequence[Callable[[], Awaitable[Outcome]]]) -> list[Outcome]:
    """Everybody at once (Q14): what each of them got."""
    outcomes: list[Outcome] = []

    async def one(act: Callable[[], Awaitable[Outcome]]) -> None:
        try:
            outcomes.append(await act())
        except Refused as wrong:
            outcomes.append(Outcome(False, wrong.errmsg))

    async with anyio.create_task_group() as group:
        for act in acts:
            group.start_soon(one, act)
    return outcomes
