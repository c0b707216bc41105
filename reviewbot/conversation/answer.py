"""Answer one callback that was taken: find who speaks, of which case, make the move, owe one reply."""

import re
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from reviewbot.charts import Chart, chart_picture
from reviewbot.clock import CHINA
from reviewbot.conversation.binding import answer_stranger, note_sign_of_life
from reviewbot.conversation.choices import ask_which, chosen, remark, remark_of
from reviewbot.conversation.commands import Meant, parse
from reviewbot.conversation.media import sent_media
from reviewbot.conversation.presses import OLD_BUTTON, grey, pressed
from reviewbot.conversation.todo import open_chosen, owes_anything, todo
from reviewbot.conversation.turn import Said, Talk, Turn, focus, the_case
from reviewbot.conversation.typed import ask_meant, typed
from reviewbot.conversation.words import Command, Verb
from reviewbot.errors import ReviewbotError
from reviewbot.inbox import claim
from reviewbot.models.message import InboxItem
from reviewbot.outbox import owe
from reviewbot.queries.delegates import acting_roles
from reviewbot.queries.directory import staff_by_userid
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.queries.waiting import MEANT, WAITING
from reviewbot.rules.notices import NONE, QUESTION, Body, picture
from reviewbot.wecom.buttons import ButtonPress, unpack

log = structlog.get_logger()
MAX_TRIES = 5


def answer_callback(talk: Talk, item_id: int) -> None:
    """Work one inbox row: in one transaction the move, the reply and the row's end.

    A chart that goes with an answer is drawn between two transactions: what was asked changes nothing, and drawing
    takes longer than rows may be held. An error nobody foresaw is counted; after ``MAX_TRIES`` the row is put aside as
    failed so that it cannot block what comes behind it. A row whose case is still to be named stays in state
    ``waiting``.
    """
    try:
        with talk.database.begin() as session:
            item = claim(session, item_id)
            said = _work(talk, session, item) if item is not None else None
            if item is not None and said is not None and said.chart is None:
                _end(session, item, said, talk.now())
        if said is not None and said.chart is not None:
            _end_with_chart(talk, item_id, said, said.chart)
    except Exception:
        # The edge: the row keeps what was said, the next sweep tries again.
        log.exception("callback could not be answered", item=item_id)
        with talk.database.begin() as session:
            tries = session.scalar(
                update(InboxItem)
                .where(InboxItem.id == item_id)
                .values(tries=InboxItem.tries + 1)
                .returning(InboxItem.tries)
            )
            if tries is not None and tries >= MAX_TRIES:
                session.execute(
                    update(InboxItem)
                    .where(InboxItem.id == item_id, InboxItem.state == "new")
                    .values(state="failed", outcome="多次处理失败，待管理员查看")
                )


def _work(talk: Talk, session: Session, item: InboxItem) -> Said:
    """Do what was asked; what is to be told."""
    staff = staff_by_userid(session, item.userid)
    if staff is None:
        return Said(answer_stranger(session, item, at=talk.now()))
    now = talk.now()
    note_sign_of_life(session, staff, item, at=now)
    turn = Turn(talk, session, staff, viewer_of_staff(staff, acting_roles(session, staff, now)), now)
    try:
        with session.begin_nested():
            said = _act(turn, item)
    except ReviewbotError as refused:
        said = Said(refused.in_chat)
    return replace(said, case_id=said.case_id or turn.about)


def _end_with_chart(talk: Talk, item_id: int, said: Said, chart: Chart) -> None:
    drawn = picture(chart_picture(chart, talk.folder), chart.filename, chart.alt)
    with talk.database.begin() as session:
        item = claim(session, item_id)
        if item is not None:  # nobody else has answered it meanwhile
            _end(session, item, said, talk.now(), drawn)


def _end(session: Session, item: InboxItem, said: Said, at: datetime, drawn: Body | None = None) -> None:
    """Owe one reply under the row's own key, and the picture after the words it goes with."""
    staff = staff_by_userid(session, item.userid)
    userid = staff.userid if staff else item.userid
    if said.words:
        owe(
            session, key=f"reply-{item.id}", kind="reply", userid=userid, body=said.body, at=at,
            case_id=said.case_id,
        )  # fmt: skip
    if drawn is not None:
        owe(session, key=f"picture-{item.id}", kind="picture", userid=userid, body=drawn, at=at)
    item.outcome, item.worked_at = said.words or "无需回复", at
    if item.state == "new":
        item.state = "done"


def _act(turn: Turn, item: InboxItem) -> Said:
    match item.kind:
        case "text":
            return typed(turn, item, item.body.get("content") or "")
        case "card_press":
            return _pressed(turn, item)
        case "image":
            return sent_media(turn, item)
        case "voice":
            return _spoken(turn, item, (item.body.get("recognition") or "").strip())
        case "location":
            return _located(turn, item)
        case "enter_agent":
            return _entered(turn, item)
        case "event" if item.body.get("event") == "click":
            return typed(turn, item, item.body.get("event_key") or "")
        case "file" | "unknown":
            return Said(
                "这类内容收不到：照片请直接发送，文件请在工单页面「上传附件」中提交；回复「帮助」查看可用的指令。"
            )
        case _:
            return Said("")


def _spoken(turn: Turn, item: InboxItem, words: str) -> Said:
    """What the platform understood is treated as typed; a move is asked about first, for it may have misheard."""
    if not words:
        return sent_media(turn, item)
    command = parse(words)
    if isinstance(command, Command) and command.verb not in (Verb.help, Verb.my_todo, Verb.show_case):
        return ask_meant(item, Meant(words[:8], words))
    return typed(turn, item, words)


def _located(turn: Turn, item: InboxItem) -> Said:
    words, place = remark_of(item)
    if place is None:
        return Said("这个位置没有坐标，请重新发送，或用文字说明。")
    case = the_case(turn)
    if case is None:
        return ask_which(turn, item, "个位置")
    focus(turn, case.id)
    return Said(remark(turn, case, words, place))


def _entered(turn: Turn, item: InboxItem) -> Said:
    """Who opens the application and owes something is shown it, once a day."""
    told = todo(turn, item) if owes_anything(turn) else Said("")
    day = turn.at.astimezone(CHINA).date()
    if told.words:
        owe(
            turn.session, key=f"entered-{day}-{turn.staff.userid.lower()}", kind="reply", userid=turn.staff.userid,
            body=told.body, at=turn.at, case_id=told.case_id,
        )  # fmt: skip
    return Said("")


def _pressed(turn: Turn, item: InboxItem) -> Said:
    press = unpack(item.body.get("event_key") or "")
    if press is None:
        grey(turn, item, "按钮已停用")
        return Said(OLD_BUTTON)
    match press.verb:
        case "choose":
            return _chosen(turn, item, press.number)
        case "confirm" | "decline":
            return _confirmed(turn, item, press)
        case _:
            return pressed(turn, item, press)


def _chosen(turn: Turn, item: InboxItem, key: str) -> Said:
    number = ((item.body.get("selected") or {}).get(QUESTION) or [""])[0]
    if not number:
        grey(turn, item, "没有选择")
        return Said("没有选中工单，请回复工单号，例如「A1027」。")
    grey(turn, item, "不用记" if number == NONE else f"已选 {number}"[:10])
    if key.startswith("t"):
        return open_chosen(turn, number)
    return chosen(turn, number)


def _confirmed(turn: Turn, item: InboxItem, press: ButtonPress) -> Said:
    """The writer of mistyped words, and nobody else, says what he meant; once."""
    grey(turn, item, "已确认" if press.verb == "confirm" else "已取消")
    asked = _question_of(turn, press.number)
    if asked is None:
        return Said("这个问题已经答过了。")
    asked.state = "done"
    if press.verb == "decline":
        return Said("好的，没有办理。请发送「帮助」查看可以使用的指令。")
    return typed(turn, asked, asked.body[MEANT])


def _question_of(turn: Turn, key: str) -> InboxItem | None:
    found = turn.session.get(InboxItem, int(key[1:])) if re.fullmatch(r"i[0-9]{1,9}", key) else None
    if found is None or found.state != WAITING or MEANT not in found.body:
        return None
    return found if found.userid.lower() == turn.staff.userid.lower() else None
