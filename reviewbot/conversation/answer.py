"""Answer one callback that was taken: find who speaks, of which case, make the move, owe one reply."""

import re
from dataclasses import replace
from datetime import date, datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from reviewbot.actions.delegate import delegate
from reviewbot.actions.make_move import make_move
from reviewbot.actions.record_recall import RecallIn, record_recall
from reviewbot.actions.step import MoveIn
from reviewbot.actions.step import Verb as MoveVerb
from reviewbot.charts import Chart, chart_picture
from reviewbot.clock import CHINA
from reviewbot.conversation.asking import Asking
from reviewbot.conversation.binding import answer_stranger, note_sign_of_life
from reviewbot.conversation.choices import ask_which, chosen, remark, remark_of, tie_waiting
from reviewbot.conversation.commands import Meant, free_text_of, meant_by, nearest, parse
from reviewbot.conversation.media import sent_media
from reviewbot.conversation.presses import OLD_BUTTON, grey, pressed
from reviewbot.conversation.questions import Asked, understand
from reviewbot.conversation.replies import case_lines, limits_told
from reviewbot.conversation.reports import answer_question
from reviewbot.conversation.todo import help_now, may_do, open_chosen, owes_anything, todo
from reviewbot.conversation.turn import Said, Talk, Turn, focus, in_focus, the_case, visible
from reviewbot.conversation.vocabulary import Unit, vocabulary
from reviewbot.conversation.words import Command, Question, Verb
from reviewbot.errors import NotFound, ReviewbotError
from reviewbot.inbox import claim
from reviewbot.models.message import InboxItem
from reviewbot.outbox import owe
from reviewbot.queries.cases import count_owed, in_hand, owed_by
from reviewbot.queries.delegates import acting_roles
from reviewbot.queries.directory import every_department, member_of, staff_by_userid, unit_labels
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.queries.scope import viewer_of_staff
from reviewbot.queries.waiting import MEANT, WAITING
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.notices import NONE, QUESTION, Body, picture, question
from reviewbot.rules.recall import Finding
from reviewbot.rules.rulebook import Rulebook
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
            return _typed(turn, item, item.body.get("content") or "")
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
            return _typed(turn, item, item.body.get("event_key") or "")
        case "file" | "unknown":
            return Said(
                "这类内容收不到：照片请直接发送，文件请在工单页面「上传附件」中提交；回复「帮助」查看可用的指令。"
            )
        case _:
            return Said("")


def _figures(turn: Turn, asked: Asked, units: list[Unit]) -> Said:
    """The table, and the chart beside it where there is one."""
    asking = Asking(turn.session, turn.viewer, turn.at, _today(turn), turn.talk.address)
    told = answer_question(asking, asked, units)
    return Said(told.text, chart=told.chart)


def _typed(turn: Turn, item: InboxItem, content: str) -> Said:
    labels = unit_labels(turn.session)
    units = [
        Unit(unit.id, unit.code, unit.short_name, unit.name, labels[unit.id])
        for unit in every_department(turn.session)
    ]
    command = understand(content, vocabulary(units), turn.at.astimezone(CHINA).date())
    if isinstance(command, Question):
        return _unclear(turn, item, content, command)
    if isinstance(command, Asked):
        return _figures(turn, command, units)
    match command.verb:
        case Verb.help:
            return help_now(turn)
        case Verb.my_todo:
            return todo(turn, item)
        case Verb.leave:
            return Said(_leave(turn, command.args))
        case Verb.recall:
            return Said(_recall(turn, command))
        case Verb.show_case:
            return Said(_show(turn, command.number or ""))
        case _:
            return Said(_move(turn, _asked(turn, command)))


def _unclear(turn: Turn, item: InboxItem, content: str, asked: Question) -> Said:
    """No command: perhaps a mistyped one, which is asked; or a remark; else asked back, never guessed.

    ``asked``: what is still open about it. A short question about figures stays one; a sentence is a remark.
    """
    if not _is_unknown(content):
        return Said(asked.sentence)
    if not asked.unknown and not _SENTENCE.search(content):
        return Said(asked.sentence)
    if (meant := meant_by(content)) is not None:
        return _ask_meant(item, meant)
    free = free_text_of(content)
    if isinstance(free, Question):
        return Said(free.sentence)
    if free is not None and (said := _remarked(turn, item, content, free.number)) is not None:
        return said
    like = nearest(content)
    hint = f"最接近的指令：{'、'.join(f'「{word}」' for word in like)}。" if like else ""
    return Said(
        f"没有看懂这条消息。{hint}请发送「帮助」查看可以使用的指令；要记入工单的话请写「备注 A1027 内容」。"
    )


_SENTENCE = re.compile(r"[，。；！,;]|\S{12}")


def _is_unknown(content: str) -> bool:
    command = parse(content)
    return isinstance(command, Question) and command.unknown


def _ask_meant(item: InboxItem, meant: Meant) -> Said:
    """``签受`` may have been ``签收``: nothing happens until its writer says so."""
    command = parse(meant.text)
    if isinstance(command, Question):
        return Said(f"没有看懂，最接近的指令是「{meant.word}」：{command.sentence}")
    item.state, item.body = WAITING, item.body | {MEANT: meant.text}
    title = f"您是想“{meant.word}”吗？"
    buttons = ((f"是，{meant.word}"[:10], "confirm"), ("不是", "decline"))
    card = question(f"i{item.id}", title, meant.text[:40], buttons, words=f"是的话请回复「{meant.text}」。")
    return Said(title, card)


def _remarked(turn: Turn, item: InboxItem, words: str, number: str | None) -> Said | None:
    """A remark on the case it names, the one in focus or the only one; None where this person has none in hand."""
    case = visible(turn, number) if number else the_case(turn)
    if case is not None:
        focus(turn, case.id)
        return Said(remark(turn, case, words.strip()))
    return ask_which(turn, item, "段话") if in_hand(turn.session, turn.viewer, turn.at) else None


def _spoken(turn: Turn, item: InboxItem, words: str) -> Said:
    """What the platform understood is treated as typed; a move is asked about first, for it may have misheard."""
    if not words:
        return sent_media(turn, item)
    command = parse(words)
    if isinstance(command, Command) and command.verb not in (Verb.help, Verb.my_todo, Verb.show_case):
        return _ask_meant(item, Meant(words[:8], words))
    return _typed(turn, item, words)


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
        more = f" 等 {len(mine)} 件" if len(mine) > 10 else ""
        raise NotFound(
            f"请写明工单号，您要抽查回访的有：{'、'.join(row.number for row in mine[:10])}{more}。"
        )
    word = command.args["finding"]
    said = RecallIn(None if word == "missed" else Finding(word), command.args.get("note", ""))
    ident = mine[0].recall.id
    return record_recall(turn.session, ident, said, turn.viewer, at=turn.at, rulebooks=turn.talk.rulebooks)


def _today(turn: Turn) -> Rulebook:
    return turn.talk.rulebooks.on(turn.session, turn.at)


def _asked(turn: Turn, command: Command) -> MoveIn:
    args = command.args
    conclusion = args.get("conclusion")
    reached = args.get("reached")
    words = ("reason", "measures", "explanation", "note")
    return MoveIn(
        verb=MoveVerb(command.verb.value),
        number=command.number or _the_only_case(turn),
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
        application=args.get("application", ""),
        person=args.get("person", ""),
        on=date.fromisoformat(args["on"]) if "on" in args else None,
        as_rule=args.get("as_rule") == "yes",
    )


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
    return _typed(turn, asked, asked.body[MEANT])


def _question_of(turn: Turn, key: str) -> InboxItem | None:
    found = turn.session.get(InboxItem, int(key[1:])) if re.fullmatch(r"i[0-9]{1,9}", key) else None
    if found is None or found.state != WAITING or MEANT not in found.body:
        return None
    return found if found.userid.lower() == turn.staff.userid.lower() else None


def _show(turn: Turn, number: str) -> str:
    """One case; what waited for a number is tied to it."""
    case = visible(turn, number)
    focus(turn, case.id)
    tied = tie_waiting(turn, case) if case.status.is_open else ""
    told = case_lines(case, limits_told(turn.session, [case], turn.at)[case.id], may_do(turn, case))
    return f"{told}\n{tied}" if tied else told


def _move(turn: Turn, asked: MoveIn) -> str:
    moved = make_move(turn.session, asked, turn.viewer, at=turn.at, rulebooks=turn.talk.rulebooks)
    focus(turn, moved.case_id)
    return moved.sentence


def _the_only_case(turn: Turn) -> str:
    """The case in focus, else the only one this person owes something for; else asked, never guessed (P3)."""
    owed = owed_by(turn.session, turn.viewer, turn.at)
    if (case := in_focus(turn)) is not None:
        return case.number
    if len(owed) == 1:
        return owed[0].number
    numbers = "、".join(case.number for case in owed[:10])
    more = f" 等 {count_owed(turn.session, turn.viewer, turn.at)} 件" if len(owed) > 10 else ""
    raise NotFound(
        f"请写明工单号，您名下有：{numbers}{more}。" if owed else "请写明工单号；您名下现在没有待办工单。"
    )
