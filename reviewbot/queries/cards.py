"""Yellow and red cards, and the appeals against them."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from reviewbot.models.case import Case
from reviewbot.models.oversight import Card
from reviewbot.models.people import Department
from reviewbot.models.procedure import Application, ApplicationKind, ApplicationState
from reviewbot.models.review import Review
from reviewbot.queries.scope import Viewer


@dataclass(frozen=True)
class CardRow:
    """A card with what people call its case and its unit, and its latest appeal."""

    card: Card
    number: str
    unit: str
    appeal: Application | None
    rater: str | None
    """The name of the one who rated, to be covered in what people wrote (F10)."""

    @property
    def pending(self) -> Application | None:
        waits = self.appeal is not None and self.appeal.state is ApplicationState.PENDING
        return self.appeal if waits else None


def visible_cards(viewer: Viewer) -> ColumnElement[bool]:
    """The whole city's, or those of the viewer's unit: it keeps them when the case has gone elsewhere."""
    return true() if viewer.sees_all else Card.department_id == viewer.department_id


def find_card(session: Session, ident: int, viewer: Viewer) -> tuple[Card, str] | None:
    """A card and the number of its case, if this viewer may see it."""
    row = session.execute(
        select(Card, Case.number)
        .join(Case, Case.id == Card.case_id)
        .where(Card.id == ident, visible_cards(viewer))
    ).first()
    return (row[0], row[1]) if row else None


def list_cards(
    session: Session,
    viewer: Viewer,
    *,
    ident: int | None = None,
    case_id: int | None = None,
    department_id: int | None = None,
    colour: str | None = None,
    standing: bool | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[CardRow]:
    """Newest first; ``standing``: not withdrawn, or withdrawn; ``after`` is the id of the last one before."""
    wanted = (
        select(Card, Case.number, Department.short_name, Review.rater_name)
        .join(Case, Case.id == Card.case_id)
        .join(Review, Review.id == Case.review_id)
        .join(Department, Department.id == Card.department_id)
        .where(visible_cards(viewer))
        .order_by(Card.id.desc())
        .limit(limit)
    )
    if ident is not None:
        wanted = wanted.where(Card.id == ident)
    if case_id is not None:
        wanted = wanted.where(Card.case_id == case_id)
    if department_id is not None:
        wanted = wanted.where(Card.department_id == department_id)
    if colour is not None:
        wanted = wanted.where(Card.colour == colour)
    if standing is not None:
        wanted = wanted.where(Card.withdrawn_at.is_(None) if standing else Card.withdrawn_at.is_not(None))
    if after is not None:
        wanted = wanted.where(Card.id < after)
    rows = session.execute(wanted).all()
    appeals = {
        appeal.subject: appeal
        for appeal in session.scalars(
            select(Application)
            .where(
                Application.kind == ApplicationKind.CARD_APPEAL,
                Application.subject.in_([card.id for card, *_ in rows]),
            )
            .order_by(Application.id)
        )
    }
    return [CardRow(card, number, unit, appeals.get(card.id), rater) for card, number, unit, rater in rows]


def appeal_of_card(session: Session, card_id: int) -> Application | None:
    """The latest appeal against a card."""
    return session.scalar(
        select(Application)
        .where(Application.kind == ApplicationKind.CARD_APPEAL, Application.subject == card_id)
        .order_by(Application.id.desc())
        .limit(1)
    )
