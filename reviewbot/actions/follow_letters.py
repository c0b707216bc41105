"""Letters that nobody has issued follow the calendar with the limit they are about; an issued one stands (B2, F18)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from reviewbot.actions.draft_letter import rung_origin
from reviewbot.actions.letter_facts import letter_facts
from reviewbot.actions.start_clock import ladder_when
from reviewbot.models.case import Case, DueTime
from reviewbot.models.chain import append_event
from reviewbot.models.oversight import Letter, LetterState
from reviewbot.outbox import owe
from reviewbot.queries.directory import userids_with_role
from reviewbot.queries.letters import letters_with_origin, unissued_letters
from reviewbot.queries.scope import SYSTEM
from reviewbot.rules.ladder import Act
from reviewbot.rules.lifecycle import Move, Role
from reviewbot.rules.notices import letter_moved
from reviewbot.rules.rulebook import Rulebook
from reviewbot.rules.stages import stage_name

LETTER_ACTS = frozenset({Act.LETTER, Act.REPORT})


def undue_letters(
    session: Session, case: Case, limits: Sequence[DueTime], rulebook: Rulebook, now: datetime
) -> list[Letter]:
    """Unissued letters that would not have been drafted: their rung comes later than now, or than the limit lasted."""
    return [
        letter
        for letter in unissued_letters(session, case.id)
        if any(
            rung_origin(case, limit, rung) == letter.origin
            for limit in limits
            for rung in ladder_when(case, limit, rulebook, letter.drafted_at)
            if rung.act in LETTER_ACTS and rung.at > min(limit.replaced_at or now, now)
        )
    ]


def drafted_for_good(
    session: Session, case: Case, limit: DueTime, rulebook: Rulebook, undue: Collection[Letter]
) -> frozenset[str]:
    """Rungs of a limit whose letter stays as it is: issued, or taken back by people."""
    origins = {
        rung_origin(case, limit, rung): rung.key
        for rung in rulebook.rungs(limit.stage, limit.started_at, limit.due_at, limit.started_at)
        if rung.act in LETTER_ACTS
    }
    known = letters_with_origin(session, origins)
    return frozenset(origins[letter.origin] for letter in known if letter not in undue)


def take_back_letters(
    session: Session, case: Case, undue: Sequence[Letter], why: str, told_from: datetime, now: datetime,
    *, quietly: bool = False,
) -> None:  # fmt: skip
    """Withdraw drafts that press nothing, or not yet; their origin is free for the day that will come. ``quietly``:
    only people who have had a draft in hand are told."""
    for letter in undue:
        readers = _people(letter) if quietly else _readers(session, letter)
        letter.state, letter.withdrawn_at, letter.withdrawn_by = LetterState.WITHDRAWN, now, SYSTEM.actor
        letter.withdrawn_reason = why
        letter.origin = f"{letter.origin}-withdrawn-{letter.id}"
        _event(session, case, letter, Move.WITHDRAW_LETTER, why, now)
        _tell(session, case, letter, readers, f"草稿已撤回：{why}", told_from, now)
    session.flush()


def redraft_letters(
    session: Session, case: Case, limits: Sequence[DueTime], why: str, told_from: datetime, now: datetime
) -> int:
    """Put the new days into the drafts about limits that moved; one that was reviewed is to be reviewed again."""
    due = {stage_name(one.stage): one.due_at for one in limits if one.replaced_by is None}
    count = 0
    for letter in unissued_letters(session, case.id):
        stage = letter.facts["stage"]
        if stage not in due:
            continue
        fresh = letter_facts(session, case, stage=stage, due_at=due[stage], now=now)
        if all(letter.facts[name] == fresh[name] for name in ("due_at", "original_due_at")):
            continue
        readers = _readers(session, letter)
        kept = {name: told for name, told in letter.facts.items() if name != "enclosed"}
        letter.facts, letter.state = kept | fresh, LetterState.DRAFT
        letter.reviewed_at = letter.reviewed_by = None
        _event(session, case, letter, Move.DRAFT_LETTER, why, now)
        _tell(session, case, letter, readers, f"草稿已按新期限重拟，请重新审核：{why}", told_from, now)
        count += 1
    return count


def _readers(session: Session, letter: Letter) -> list[str]:
    """Who drafted and who reviewed it; of a draft of the system, whoever reviews such drafts."""
    return _people(letter) or userids_with_role(session, Role.SUPERVISOR)


def _people(letter: Letter) -> list[str]:
    return [who for who in (letter.drafted_by, letter.reviewed_by) if who and who != SYSTEM.actor]


def _event(session: Session, case: Case, letter: Letter, move: Move, why: str, now: datetime) -> None:
    append_event(
        session, case, at=now, actor=SYSTEM.actor, actor_name=SYSTEM.name, move=move.value,
        before=case.status.value, remark=why, data={"letter": letter.id, "kind": letter.kind.value},
    )  # fmt: skip


def _tell(
    session: Session, case: Case, letter: Letter, readers: Sequence[str], what: str, told_from: datetime,
    now: datetime,
) -> None:  # fmt: skip
    body = letter_moved(letter.id, letter.title, what)
    for userid in dict.fromkeys(readers):
        owe(
            session, key=f"letter-{letter.id}-event-{case.event_count}-{userid.lower()}", kind="letter",
            userid=userid, body=body, at=now, case_id=case.id, held_until=told_from,
        )  # fmt: skip
