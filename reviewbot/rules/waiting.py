"""What waits for somebody besides cases: letters to review, issue or receive, problems without a cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reviewbot.rules.linked import link
from reviewbot.rules.masking import mask_personal
from reviewbot.rules.notices import Body

SHOWN = 5
"""Named in one line."""


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. ``kind``: "公文待审核"; ``place``: its page; ``places``: the page of all of its kind."""

    kind: str
    name: str
    place: str
    places: str
    since: date
    days: int
    """Calendar days since it became theirs."""

    @property
    def age(self) -> str:
        return f"{self.since:%m-%d} 起，已 {self.days} 天" if self.days else "今天"


def by_kind(waiting: Sequence[Waiting]) -> list[tuple[str, list[Waiting]]]:
    """In the order given."""
    found: dict[str, list[Waiting]] = {}
    for one in waiting:
        found.setdefault(one.kind, []).append(one)
    return list(found.items())


def waiting_lines(waiting: Sequence[Waiting], address: str) -> list[str]:
    """A line for each kind: how many, with a link, since when the oldest waits, and the first few by name.

    ``waiting``: the oldest of each kind first; ``address``: of the site, empty where no link can be made."""
    lines = []
    for kind, found in by_kind(waiting):
        head = f"{kind} {len(found)}"
        head = link(address, found[0].places, head) if address else head
        names = "、".join(one.name for one in found[:SHOWN]) + (" 等" if len(found) > SHOWN else "")
        lines.append(f"{head}（最早{found[0].age}）：{names}")
    return lines


def letters_asked(kind: str, waiting: Sequence[Waiting]) -> Body:
    """To whoever may take the next step of letters that have come to it: once for all of them."""
    first = waiting[0]
    names = "、".join(each.name for each in waiting[:SHOWN]) + (" 等" if len(waiting) > SHOWN else "")
    return _card(
        f"L{first.place.rpartition('/')[2]}", f"{kind} {len(waiting)} 份", f"请办理：{names}",
        place=first.place if len(waiting) == 1 else first.places,
    )  # fmt: skip


def problem_given(ident: int, unit: str, item: str, by: str) -> Body:
    """To whom somebody has named as the owner of a problem."""
    return _card(
        f"P{ident}", f"共性问题 {ident} 由您负责", f"{unit}“{mask_personal(item)}”：{by}确定您为负责人",
        place=f"/problems/{ident}", note="根本原因和措施可由您修改，见网页。",
    )  # fmt: skip


def _card(number: str, title: str, desc: str, *, place: str, note: str = "") -> Body:
    return {
        "type": "card", "number": number, "round": 1, "title": title, "desc": desc, "note": note, "rows": [],
        "buttons": [], "link": place,
    }  # fmt: skip
