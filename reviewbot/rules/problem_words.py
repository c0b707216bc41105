"""What people are told of a problem that like bad reviews opened (B16)."""

from datetime import date, datetime

from reviewbot.rules.masking import mask_personal
from reviewbot.rules.notices import Body, text, when


def problem_opened(
    ident: int, unit: str, item: str, count: int, days: int, due_at: datetime, begin_by: date
) -> Body:
    return text(
        f"共性问题 {ident}：{unit}“{mask_personal(item)}”{days} 天内出现 {count} 件同类差评，"
        f"请于 {when(due_at)} 前查明根本原因、举一反三，在督办网页「共性问题」中填写措施，"
        f"措施最迟自 {begin_by} 起实施。"
    )


def problem_overdue(ident: int, unit: str, item: str, due_at: datetime, begin_by: date) -> Body:
    return text(
        f"共性问题 {ident} 超期：{unit}“{mask_personal(item)}”，原因和措施应于 {when(due_at)} 前写明、"
        f"措施应自 {begin_by} 或更早起实施，至今没有做到。请即在督办网页「共性问题」中填写并从即日起实施。"
    )
