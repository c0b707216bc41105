"""Lists of cases, or of their cards and sub-tasks, asked for by name: one definition behind chat, pages and digest."""

from dataclasses import dataclass
from typing import Literal

from reviewbot.rules.lifecycle import CaseStatus

Dated = Literal["opened", "due", "closed", "issued", "assisted"]


@dataclass(frozen=True)
class Listing:
    """``dated``: which date of a case a period picks it by. ``needs_period``: without one it would be everything."""

    key: str
    label: str
    words: tuple[str, ...]
    dated: Dated
    needs_period: bool = False

    @property
    def counted(self) -> str:
        """The measure word of what is listed: cards and sub-tasks are counted each, not by case."""
        return {"issued": "张", "assisted": "项"}.get(self.dated, "件")

    @property
    def dated_label(self) -> str:
        return {
            "opened": "立案", "due": "期限", "closed": "办结", "issued": "发牌", "assisted": "协办期限",
        }[self.dated]  # fmt: skip


_STATUS_WORDS: dict[CaseStatus, tuple[str, ...]] = {
    CaseStatus.AWAITING_DISPATCH: ("未派单", "没派单"),
    CaseStatus.AWAITING_SIGN: ("未签收", "没签收"),
    CaseStatus.VERIFYING: ("待回访", "核实中", "回访中"),
    CaseStatus.RECTIFYING: ("在整改",),
    CaseStatus.EXPLAINING: ("解释中",),
    CaseStatus.AWAITING_APPROVAL: ("待审批", "审核中"),
    CaseStatus.AWAITING_FEEDBACK: ("未反馈",),
    CaseStatus.IN_ARBITRATION: ("会商", "会商中", "待裁定"),
    CaseStatus.ON_LEDGER: ("台账", "在台账"),
    CaseStatus.APPEALED: ("申诉", "差评申诉", "申诉中"),
}
LISTINGS: dict[str, Listing] = {
    listing.key: listing
    for listing in (
        Listing("overdue", "超期未办结", ("超期", "逾期", "过期", "已超期", "超期件", "超时"), "due"),
        Listing("open", "在办", ("在办件", "未办结", "没办结", "未结", "办理中"), "opened"),
        Listing("due", "待到期", ("到期", "即将到期", "快到期", "临期", "临近到期", "将到期"), "due", True),
        Listing("opened", "立案", ("新增", "新收", "新立案"), "opened", True),
        Listing("closed", "办结", ("已办结", "办结件", "办完"), "closed", True),
        Listing("yellow", "黄牌", ("黄牌警示", "发黄牌"), "issued"),
        Listing("red", "红牌", ("红牌警示", "发红牌"), "issued"),
        Listing("assisted", "协办件", ("协办事项", "协办任务", "协办工单"), "assisted"),
        Listing("late_assistance", "协办超期", ("协办逾期", "协办延误", "协办超时", "超期协办"), "assisted"),
        Listing(
            "unseen_calls",
            "回访未查号码",
            ("未查号码", "没查号码", "未查看号码", "没看号码", "回访没查号码"),
            "opened",
        ),
        *(Listing(status.value, status.label, words, "opened") for status, words in _STATUS_WORDS.items()),
    )
}
CONCERNS = Listing("concerns", "督办事项", ("督办", "督办件"), "opened")
"""Not cases but what a rater or a re-call gave reason to look into; it has a page of its own."""
LISTINGS[CONCERNS.key] = CONCERNS
