"""What somebody typed: a command and its move, a question about figures, a remark, or words to be asked about."""

import re
from datetime import date

from reviewbot.actions.delegate import delegate
from reviewbot.actions.make_move import make_move
from reviewbot.actions.record_recall import RecallIn, record_recall
from reviewbot.actions.step import MoveIn
from reviewbot.actions.step import Verb as MoveVerb
from reviewbot.clock import CHINA
from reviewbot.conversation.asking import Asking
from reviewbot.conversation.choices import ask_which, remark, tie_waiting
from reviewbot.conversation.commands import (
    Meant,
    asks_for_figures,
    free_text_of,
    meant_by,
    nearest,
    parse,
)
from reviewbot.conversation.questions import Asked, understand
from reviewbot.conversation.replies import case_lines, limits_told
from reviewbot.conversation.reports import answer_question
from reviewbot.conversation.todo import help_now, may_do, todo
from reviewbot.conversation.turn import Said, Turn, focus, in_focus, the_case, visible
from reviewbot.conversation.vocabulary import Unit, vocabulary
from reviewbot.conversation.words import Command, Question, Verb
from reviewbot.errors import NotFound
from reviewbot.models.message import InboxItem
from reviewbot.queries.cases import count_owed, in_hand, owed_by
from reviewbot.queries.directory import every_department, member_of, unit_labels
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.queries.waiting import MEANT, WAITING
from reviewbot.rules.lifecycle import Conclusion
from reviewbot.rules.notices import question
from reviewbot.rules.recall import Finding
from reviewbot.rules.rulebook import Rulebook


def typed(turn: Turn, item: InboxItem, content: str) -> Said:
    """Do what was typed, or answer it; raises ReviewbotError with what to tell where it cannot be done."""
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


def _figures(turn: Turn, asked: Asked, units: list[Unit]) -> Said:
    """The table, and the chart beside it where there is one."""
    asking = Asking(turn.session, turn.viewer, turn.at, _today(turn), turn.talk.address)
    told = answer_question(asking, asked, units)
    return Said(told.text, chart=told.chart)


def _today(turn: Turn) -> Rulebook:
    return turn.talk.rulebooks.on(turn.session, turn.at)


def _unclear(turn: Turn, item: InboxItem, content: str, asked: Question) -> Said:
    """No command: perhaps a mistyped one, which is asked; or a remark; else asked back, never guessed.

    ``asked``: what is still open about it. A short question about figures stays one; a sentence is a remark.
    """
    if not _is_unknown(content):
        return Said(asked.sentence)
    figures = asks_for_figures(content)
    if not asked.unknown and (figures or not _SENTENCE.search(content)):
        return Said(asked.sentence)
    if (meant := meant_by(content)) is not None:
        return ask_meant(item, meant)
    free = free_text_of(content)
    if isinstance(free, Question):
        return Said(free.sentence)
    if free is not None and (said := _remarked(turn, item, content, free.number)) is not None:
        return said
    if not asked.unknown and figures:
        return Said(asked.sentence)
    like = nearest(content)
    hint = f"最接近的指令：{'、'.join(f'「{word}」' for word in like)}。" if like else ""
    return Said(
        f"没有看懂这条消息。{hint}请发送「帮助」查看可以使用的指令；要记入工单的话请写「备注 A1027 内容」。"
    )


_SENTENCE = re.compile(r"[，。；！,;]|\S{12}")


def _is_unknown(content: str) -> bool:
    command = parse(content)
    return isinstance(command, Question) and command.unknown


def ask_meant(item: InboxItem, meant: Meant) -> Said:
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
