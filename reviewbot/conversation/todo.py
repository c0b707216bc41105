"""What somebody may do now: each case he owes a step for, with the exact words, or as cards to press."""

from collections.abc import Sequence

from reviewbot.actions.faces import face_for
from reviewbot.actions.rights import possible_moves
from reviewbot.actions.waiting_work import work_of
from reviewbot.conversation.choices import MOST_OPTIONS, option
from reviewbot.conversation.help import help_text
from reviewbot.conversation.replies import limits_told, todo_lines
from reviewbot.conversation.turn import Said, Turn, focus, visible
from reviewbot.models.case import Case
from reviewbot.models.message import InboxItem
from reviewbot.queries.cases import count_owed, owed_by
from reviewbot.queries.recalls import recalls_seen_by
from reviewbot.rules.buttons import WORDS
from reviewbot.rules.lifecycle import Move
from reviewbot.rules.notices import DIGEST_BYTES, choice
from reviewbot.rules.waiting import waiting_lines

_SELDOM = frozenset({Move.REMARK, Move.INSTRUCT, Move.ADD_EVIDENCE, Move.ASK_ASSISTANCE})
_GIVES_BACK = frozenset({Move.RETURN, Move.RETURN_AGAIN, Move.HAND_OVER})


def may_do(turn: Turn, case: Case) -> list[str]:
    """``签收 A1027``, ``退回 A1027 原因``: from the table of moves and this person's rights, giving it back last."""
    moves = [one for one in possible_moves(turn.session, case, turn.viewer) if one not in _SELDOM]
    moves.sort(key=lambda one: one in _GIVES_BACK)
    return list(dict.fromkeys(WORDS[move].format(number=case.number) for move in moves if move in WORDS))


def help_now(turn: Turn) -> Said:
    """First what may be typed for each case in hand, then all that his roles may type."""
    words = help_text(turn.staff.roles)
    room = DIGEST_BYTES - len(words.encode())
    lines: list[str] = []
    for case in owed_by(turn.session, turn.viewer, turn.at):
        line = f"{case.number}「{case.status.label}」：{'；'.join(may_do(turn, case)) or '无'}"
        if len("\n".join([*lines, line]).encode()) > room:
            lines += ["……其余请回复「我的待办」。"] if lines else []
            break
        lines.append(line)
    head = ["您现在可以办理：", *lines, ""] if lines else []
    return Said("\n".join([*head, words]))


def owes_anything(turn: Turn) -> bool:
    """A case, a letter or a problem; re-calls have their own message."""
    return bool(
        owed_by(turn.session, turn.viewer, turn.at, limit=1) or work_of(turn.session, turn.viewer, turn.at)
    )


def todo(turn: Turn, item: InboxItem) -> Said:
    """One case: its card. Up to ten: a card to choose from. Else, and with re-calls, letters or problems, a list in
    words."""
    owed = owed_by(turn.session, turn.viewer, turn.at)
    recalls = recalls_seen_by(turn.session, turn.viewer, turn.at, owed=True)
    count = count_owed(turn.session, turn.viewer, turn.at)
    beside = waiting_lines(work_of(turn.session, turn.viewer, turn.at), turn.talk.address)
    words = todo_lines(owed, limits_told(turn.session, owed, turn.at), recalls, count, beside)
    if recalls or beside or not owed or len(owed) > MOST_OPTIONS:
        return Said(words)
    return card_of(turn, owed[0]) if len(owed) == 1 else _choose(item, owed)


def _choose(item: InboxItem, owed: Sequence[Case]) -> Said:
    title = f"我的待办：{len(owed)} 件"
    card = choice(
        f"t{item.id}", title, "选一件，即发来它的卡片", [option(case) for case in owed], submit="打开"
    )
    return Said(title, card)


def card_of(turn: Turn, case: Case) -> Said:
    """A card of this case with what the person may press, which lives like any other; his next words are about it."""
    focus(turn, case.id)
    face = face_for(turn.session, case, turn.viewer, None)
    face["rows"][-1][1] = limits_told(turn.session, [case], turn.at)[case.id]
    return Said(face["title"], face, case.id)


def open_chosen(turn: Turn, number: str) -> Said:
    return card_of(turn, visible(turn, number))
