"""Answer one callback that was taken: find who speaks, of which case, make the move, owe one reply."""

from datetime import date, datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from reviewbot.actions.add_evidence import add_evidence, attach, waiting_evidence
from reviewbot.actions.delegate import delegate
from reviewbot.actions.make_move import make_move
from reviewbot.actions.record_recall import RecallIn, record_recall
from reviewbot.actions.step import MoveIn
from reviewbot.actions.step import Verb as MoveVerb
from reviewbot.charts import chart_picture
from reviewbot.clock import CHINA
from reviewbot.conversation.asking import Asking
from reviewbot.conversation.binding import answer_stranger, note_sign_of_life
from reviewbot.conversation.help import help_text
from reviewbot.conversation.presses import OLD_BUTTON, grey, pressed
from reviewbot.conversation.questions import Asked, understand
from reviewbot.conversation.replies import case_lines, limits_told, todo_lines
from reviewbot.conversation.reports import answer_question
from reviewbot.conversation.turn import Said, Talk, Turn, focus, in_focus, visible
from reviewbot.conversation.vocabulary import Unit, vocabulary
from reviewbot.conversation.words import Command, Question, Verb
from reviewbot.errors import ChannelError, NotFound, ReviewbotError
from reviewbot.inbox import claim
from reviewbot.models.message import InboxItem
from reviewbot.outbox import owe
from reviewbot.queries.cases import owed_by
from reviewbot.queries.delegates import acting_roles
from reviewbot.queries.directory import every_department, member_of, staff_by_userid
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.notices import picture
from reviewbot.rules.recall import Finding
from reviewbot.rules.rulebook import Rulebook
from reviewbot.wecom.buttons import unpack

log = structlog.get_logger()
MAX_TRIES = 5
MAX_PHOTO = 10 * 1024 * 1024


def answer_callback(talk: Talk, item_id: int) -> None:
    """Work one inbox row: in one transaction the move, the reply and the row's end.

    A photograph is fetched first, outside any transaction. An error nobody foresaw is counted; after
    ``MAX_TRIES`` the row is put aside as failed so that it cannot block what comes behind it.
    """
    try:
        photo = _fetch_photo(talk, item_id)
        with talk.database.begin() as session:
            item = claim(session, item_id)
            if item is not None:
                item.outcome = _work(talk, session, item, photo)
                item.state, item.worked_at = "done", talk.now()
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


def _fetch_photo(talk: Talk, item_id: int) -> tuple[bytes, str] | ChannelError | None:
    with talk.database.begin() as session:
        item = session.get(InboxItem, item_id)
        if item is None or item.state != "new" or item.kind != "image" or talk.download is None:
            return None
        media_id = item.body.get("media_id") or ""
    try:
        return talk.download(media_id)
    except ChannelError as wrong:
        if wrong.permanent:
            return wrong
        raise


def _work(
    talk: Talk, session: Session, item: InboxItem, photo: tuple[bytes, str] | ChannelError | None
) -> str:
    """Do what was asked; the sentence told. One reply is owed under the row's own key."""
    staff = staff_by_userid(session, item.userid)
    if staff is None:
        told = answer_stranger(session, item, at=talk.now())
        if told:
            _reply(session, item, item.userid, Said(told), talk.now())
        return told or "名录以外的事件，无需回复"
    now = talk.now()
    note_sign_of_life(session, staff, item, at=now)
    turn = Turn(talk, session, staff, viewer_of_staff(staff, acting_roles(session, staff, now)), now)
    try:
        with session.begin_nested():
            said = _act(turn, item, photo)
    except ReviewbotError as refused:
        said = Said(refused.sentence)
    if said.words:
        _reply(session, item, staff.userid, said, turn.at)
    return said.words or "无需回复"


def _act(turn: Turn, item: InboxItem, photo: tuple[bytes, str] | ChannelError | None) -> Said:
    match item.kind:
        case "text":
            return _typed(turn, item.body.get("content") or "")
        case "card_press":
            return _pressed(turn, item)
        case "image":
            return Said(_photographed(turn, photo))
        case "voice" | "location" | "file":
            return Said("请用文字或照片回复；回复「帮助」查看可用的指令。")
        case _:
            return Said("")


def _typed(turn: Turn, content: str) -> Said:
    units = [Unit(unit.id, unit.code, unit.short_name, unit.name) for unit in every_department(turn.session)]
    today = turn.at.astimezone(CHINA).date()
    command = understand(content, vocabulary(units), today)
    if isinstance(command, Question):
        return Said(command.sentence)
    if isinstance(command, Asked):
        return _figures(turn, command, units)
    return Said(_commanded(turn, command))


def _figures(turn: Turn, asked: Asked, units: list[Unit]) -> Said:
    """The table, and the chart beside it where there is one."""
    talk = turn.talk
    asking = Asking(turn.session, turn.viewer, turn.at, _today(turn), talk.address)
    told = answer_question(asking, asked, units)
    if told.chart is None:
        return Said(told.text)
    sha256 = chart_picture(told.chart, talk.folder)
    return Said(told.text, picture=picture(sha256, told.chart.filename, told.chart.alt))


def _commanded(turn: Turn, command: Command) -> str:
    match command.verb:
        case Verb.help:
            return help_text(turn.staff.roles)
        case Verb.my_todo:
            recalls = recalls_seen_by(turn.session, turn.viewer, turn.at, owed=True)
            owed = owed_by(turn.session, turn.viewer, turn.at)
            return todo_lines(owed, limits_told(turn.session, owed, turn.at), recalls)
        case Verb.leave:
            return _leave(turn, command.args)
        case Verb.recall:
            return _recall(turn, command)
        case Verb.show_case:
            return _show(turn, command.number or "")
        case _:
            return _move(turn, _asked(turn, command))


def _leave(turn: Turn, args: dict[str, str]) -> str:
    to = member_of(turn.session, turn.staff.department_id, args["person"])
    if to is None:
        raise NotFound(f"本单位没有（或不止一位）“{args['person']}”，请写姓名或账号。")
    return delegate(
        turn.session, turn.staff, to, date.fromisoformat(args["first"]), date.fromisoformat(args["last"]),
        args.get("note", ""), turn.viewer, at=turn.at,
    )  # fmt: skip


def _recall(turn: Turn, command: Command) -> str:
    """What came of a re-call; without a number, of the only one this person has."""
    owed = recalls_seen_by(turn.session, turn.viewer, turn.at, owed=True)
    mine = [row for row in owed if command.number in (None, row.number)]
    if not mine:
        raise NotFound(f"工单 {command.number or ''} 没有要您抽查回访的，回复「我的待办」查看。")
    if len(mine) > 1 and command.number is None:
        raise NotFound(f"请写明工单号，您要抽查回访的有：{'、'.join(row.number for row in mine[:10])}。")
    word = command.args["finding"]
    said = RecallIn(None if word == "missed" else Finding(word), command.args.get("note", ""))
    needed = _today(turn).policy.attempts_before_unreachable
    ident = mine[0].recall.id
    return record_recall(turn.session, ident, said, turn.viewer, at=turn.at, attempts_needed=needed)


def _today(turn: Turn) -> Rulebook:
    return turn.talk.rulebooks.on(turn.session, turn.at)


def _asked(turn: Turn, command: Command) -> MoveIn:
    args = command.args
    conclusion = args.get("conclusion")
    reached = args.get("reached")
    words = ("reason", "measures", "explanation", "note")
    return MoveIn(
        verb=MoveVerb(command.verb.value),
        number=command.number or _the_only_case(turn) or "",
        remark=next((args[name] for name in words if args.get(name)), ""),
        department=args.get("department"),
        conclusion=Conclusion(conclusion) if conclusion else None,
        complex=args.get("complex") == "yes",
        reached=None if reached is None else reached == "yes",
        basis=args.get("basis", ""),
        channel=args.get("channel", ""),
        no_attachment=args.get("no_attachment") == "yes",
        days=int(args["days"]) if "days" in args else None,
        until=date.fromisoformat(args["until"]) if "until" in args else None,
        person=args.get("person", ""),
        as_rule=args.get("as_rule") == "yes",
    )


def _pressed(turn: Turn, item: InboxItem) -> Said:
    press = unpack(item.body.get("event_key") or "")
    if press is None:
        grey(turn, item, "按钮已停用")
        return Said(OLD_BUTTON)
    return pressed(turn, item, press)


def _photographed(turn: Turn, photo: tuple[bytes, str] | ChannelError | None) -> str:
    if photo is None or isinstance(photo, ChannelError):
        return "照片没有取到，请重新发送，或在工单页面上传。"
    number = _the_only_case(turn, ask=False)
    data, name = photo
    evidence = add_evidence(turn.session, None, data, name, turn.viewer, at=turn.at, folder=turn.talk.folder)
    if number is None:
        return "照片已收到。这是哪张工单的？请回复工单号，例如「A1027」。"
    case = attach(turn.session, number, evidence, turn.viewer, at=turn.at)
    return f"工单 {case.number} 已补充附件，现为「{case.status.label}」。"


def _show(turn: Turn, number: str) -> str:
    """One case; photographs that waited for a number are tied to it."""
    case = visible(turn, number)
    focus(turn, case.id)
    waiting = waiting_evidence(turn.session, turn.viewer)
    for evidence in waiting:
        attach(turn.session, case.number, evidence, turn.viewer, at=turn.at)
    told = case_lines(case, limits_told(turn.session, [case], turn.at)[case.id])
    return f"{told}\n已补充附件 {len(waiting)} 份。" if waiting else told


def _move(turn: Turn, asked: MoveIn) -> str:
    moved = make_move(turn.session, asked, turn.viewer, at=turn.at, rulebooks=turn.talk.rulebooks)
    focus(turn, moved.case_id)
    return moved.sentence


def _the_only_case(turn: Turn, *, ask: bool = True) -> str | None:
    """The case in focus, else the only one this person owes something for; else asked, never guessed (P3)."""
    owed = owed_by(turn.session, turn.viewer, turn.at)
    if (case := in_focus(turn)) is not None:
        return case.number
    if len(owed) == 1:
        return owed[0].number
    if not ask:
        return None
    numbers = "、".join(case.number for case in owed[:10])
    raise NotFound(
        f"请写明工单号，您名下有：{numbers}。" if owed else "请写明工单号；您名下现在没有待办工单。"
    )


def _reply(session: Session, item: InboxItem, userid: str, said: Said, at: datetime) -> None:
    owe(
        session, key=f"reply-{item.id}", kind="reply", userid=userid, body=said.body, at=at,
        case_id=said.case_id,
    )  # fmt: skip
    if said.picture is not None:  # after the words it goes with
        owe(session, key=f"picture-{item.id}", kind="picture", userid=userid, body=said.picture, at=at)
