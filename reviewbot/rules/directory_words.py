"""What people are told when somebody of the directory leaves; numbers of cases only (F19)."""

from collections.abc import Sequence

from reviewbot.rules.masking import mask_personal
from reviewbot.rules.notices import Body, text

MOST_BYTES = 1_900
"""A text carries 2,048 bytes (W12); some are left for the line that counts the rest."""


def taken_over(left: str, numbers: Sequence[str]) -> Body:
    """To the new holder: once for everything that comes to him."""
    head = f"{left}已离岗，名下 {len(numbers)} 件工单由您接办，时限不变，请查看「我的待办」："
    return text(_listed(head, numbers))


def given_away(left: str, why: str, given: Sequence[tuple[str, str]]) -> Body:
    """To supervisors: who left, why we think so, and which case went to whom."""
    head = f"{left}{why}，名下 {len(given)} 件未办结工单已转交，时限不变："
    return text(_listed(head, [f"{number}→{holder}" for number, holder in given]))


def held_at_desk(unit: str, numbers: Sequence[str]) -> Body:
    """To the desk: a unit without anybody who may act; the case waits in its hands, its clock runs."""
    ask = "请管理员登记该单位人员，再由您或督办移交（回复「移交 编号 姓名」）；单位已撤销的请退回或代办。时限不变"
    head = f"{unit}已没有可接办的人员，{len(numbers)} 件工单暂由您保管，{ask}："
    return text(_listed(head, numbers))


def problem_handed_on(ident: int, unit: str, item: str, why: str, owner: str) -> Body:
    return text(
        f"共性问题 {ident}（{unit}“{mask_personal(item)}”）：{why}，改由{owner}负责，措施和计数不变，"
        "请在督办网页「共性问题」中查看。"
    )


def _listed(head: str, entries: Sequence[str]) -> str:
    told = head
    for place, entry in enumerate(entries):
        rest = f"……另有 {len(entries) - place} 件，见网页。"
        addition = entry if place == 0 else f"、{entry}"
        if len((told + addition + rest).encode()) > MOST_BYTES:
            return told + rest
        told += addition
    return told
