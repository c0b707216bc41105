"""今日 and any other stretch: what came in, what was closed, what is left; every number opens its list."""

from reviewbot.clock import span
from reviewbot.conversation.asking import Asking, days, whose
from reviewbot.conversation.listed import told_count
from reviewbot.conversation.periods import Period
from reviewbot.conversation.questions import Asked
from reviewbot.conversation.vocabulary import Unit
from reviewbot.queries.listings import Wanted
from reviewbot.queries.pages import intake_between
from reviewbot.rules.kinds import BOTH, Family
from reviewbot.rules.listings import LISTINGS
from reviewbot.rules.notices import fit

COURSE = ("opened", "closed", "due", "open", "overdue", "yellow", "red")
"""What 今日 tells, each as its own list."""


def course_text(asking: Asking, asked: Asked, period: Period) -> str:
    """The course of a stretch, of all cases (the work orders among them told apart) or of those asked about."""
    wanted: tuple[Unit | None, ...] = asked.units or (None,)
    rows = [] if asked.units else _intake(asking, asked.family, period)
    for unit in wanted:
        if len(wanted) > 1 and unit:
            rows.append(f"{unit.label}：")
        for key in COURSE:
            listing, timeless = LISTINGS[key], key in ("open", "overdue")
            of = Wanted(key, unit.id if unit else None, None if timeless else period, asked.family)
            rows.append(f"{'现在' if timeless else ''}{listing.label} {told_count(asking, of, unit)}")
    about = f"　{asked.family.label}" if asked.family else ""
    return fit([f"{whose(asked)}　{days(period)}{about}"], rows, [asking.cut_off])


def _intake(asking: Asking, family: Family | None, period: Period) -> list[str]:
    """What was accepted of ratings and of work orders; nothing of one kind of orders, whose list says it."""
    if family not in (None, *BOTH):
        return []
    told = intake_between(asking.session, *span(*period))
    lines = {
        Family.RATING: f"收到评价 {told.ratings}　差评 {told.bad}",
        Family.ORDERS: f"收到12345等工单 {told.orders}",
    }
    if family is not None:
        return [lines[family]]
    return list(lines.values()) if told.orders else [lines[Family.RATING]]
