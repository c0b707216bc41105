"""What pressed a unit for a limit that no longer counts is taken back: standing cards, letters nobody has issued."""

from collections.abc import Collection

from reviewbot.actions.appeal_card import take_back
from reviewbot.actions.draft_letter import drafted_for
from reviewbot.actions.follow_letters import take_back_letters
from reviewbot.actions.step import Step
from reviewbot.models.case import DueTime
from reviewbot.queries.calendars import cards_of
from reviewbot.queries.letters import unissued_letters


def take_back_presses(step: Step, limits: Collection[DueTime], why: str) -> None:
    """An issued letter stands: people issued it, and people withdraw it (F18)."""
    session, case = step.session, step.case
    for limit in limits:
        for card in cards_of(session, limit.id):
            if card.withdrawn_at is None:
                take_back(session, card, case, why, step.viewer, at=step.at)
    idle = [
        letter
        for letter in unissued_letters(session, case.id)
        if any(drafted_for(letter, case, limit) for limit in limits)
    ]
    take_back_letters(session, case, idle, why, told_from=step.at, now=step.at)
