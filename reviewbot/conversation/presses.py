"""A pressed button: one move, one effect; whatever came of it, the presser's card shows the present state (W21)."""

from reviewbot.actions.faces import done_by, face_for, last_done
from reviewbot.actions.live_cards import change, living_until
from reviewbot.actions.make_move import make_move
from reviewbot.actions.step import MoveIn, Verb
from reviewbot.conversation.turn import Said, Turn, focus
from reviewbot.errors import NotAllowed, ReviewbotError
from reviewbot.models.case import Case
from reviewbot.models.message import InboxItem, Message
from reviewbot.outbox import owe
from reviewbot.queries.cases import find_case, last_step
from reviewbot.queries.sent_cards import UPDATE, card_by_id, newest_card
from reviewbot.rules.buttons import PRESSED_AT_ONCE, TYPED
from reviewbot.rules.lifecycle import Conclusion, IllegalMove
from reviewbot.rules.notices import Body, card_done, card_update, gone
from reviewbot.wecom.buttons import ButtonPress, serial_of

OLD_BUTTON = "这个按钮已不再使用，请回复「我的待办」查看工单。"


def pressed(turn: Turn, item: InboxItem, press: ButtonPress) -> Said:
    """A press on a card about a case: the move, or a polite refusal with the present state."""
    row = _own_copy(turn, item)
    case = find_case(turn.session, press.number, turn.viewer)
    if case is None:
        said = f"没有工单 {press.number}，或您无权查看。"
        _show(turn, item, row, gone(press.number, press.round, f"/h5/cases/{press.number}", "不再由您办理"))
        return Said(said)
    focus(turn, case.id)
    said, note = _act(turn, case, press)
    turn.session.refresh(case)
    if row is None or row.code_used_at is None:  # the move itself has not changed this card
        seen = find_case(turn.session, press.number, turn.viewer)
        done = last_done(turn.session, case)
        act = row is not None and newest_card(turn.session, case.id, row.userid) in (row, None)
        face = face_for(turn.session, case, turn.viewer, done, act=act, note=note) if seen else gone(
            case.number, case.round, f"/h5/cases/{case.number}", str(done or "")
        )  # fmt: skip
        _show(turn, item, row, face)
    return Said(said)


def _act(turn: Turn, case: Case, press: ButtonPress) -> tuple[str, str]:
    """What is answered, and what the card says in the place of who did what."""
    if press.verb not in PRESSED_AT_ONCE:
        if press.verb not in TYPED:
            return OLD_BUTTON, ""
        words = f"请回复「{TYPED[press.verb].format(number=case.number)}」"
        return words + "。", words
    conclusion = Conclusion.JUSTIFIED if press.verb == "conclude" else None
    asked = MoveIn(Verb(press.verb), case.number, conclusion=conclusion, round=press.round)
    try:
        with turn.session.begin_nested():
            moved = make_move(turn.session, asked, turn.viewer, at=turn.at, rulebooks=turn.talk.rulebooks)
    except IllegalMove as refused:
        return _already(turn, case) + refused.in_chat, ""
    except NotAllowed as refused:
        turn.session.refresh(case)
        return f"{refused.in_chat}{_already(turn, case)}现为「{case.status.label}」。", ""
    except ReviewbotError as refused:
        return refused.in_chat, ""
    return moved.sentence, ""


def _already(turn: Turn, case: Case) -> str:
    """Who has done what is asked for again (P6)."""
    event = last_step(turn.session, case.id)
    if event is None:
        return ""
    name = "您" if event.actor.lower() == turn.viewer.actor.lower() else event.actor_name
    return f"{done_by(event.move, name, event.at)}。"


def _own_copy(turn: Turn, item: InboxItem) -> Message | None:
    """The presser's own card, alive again by the code of his press; None for a card that was forwarded to him."""
    serial = serial_of(item.body.get("task_id"))
    code = item.body.get("response_code")
    row = card_by_id(turn.session, serial) if serial is not None else None
    if row is None or row.userid.lower() != turn.staff.userid.lower() or not code:
        return None
    row.response_code, row.code_used_at = code, None
    row.code_expires_at = living_until(turn.at)
    turn.session.flush()
    return row


def _show(turn: Turn, item: InboxItem, row: Message | None, face: Body) -> None:
    """Give the pressed card its face, once its callback has been answered (W22)."""
    code = item.body.get("response_code")
    if row is not None:
        change(turn.session, row, row.response_code or "", face, at=turn.at)
    elif code:
        owe(
            turn.session, key=f"{UPDATE}-{item.id}", kind=UPDATE, userid=turn.staff.userid,
            body=card_update(0, code, face), at=turn.at,
        )  # fmt: skip


def grey(turn: Turn, item: InboxItem, words: str) -> None:
    """A card that was about no case has done its service: its buttons give way to words."""
    if code := item.body.get("response_code"):
        owe(
            turn.session, key=f"{UPDATE}-{item.id}", kind=UPDATE, userid=turn.staff.userid,
            body=card_done(code, words), at=turn.at,
        )  # fmt: skip
