"""What a limit is about, in words: stages are stored by a code, some with a number or a round of their own."""

_NAMES = (
    ("contact", "联系评价人"), ("handling_complex", "复杂事项办理"), ("handling_extended", "延期后办理"),
    ("handling_resumed", "申诉后办理"),
    ("handling", "办理"), ("dispatch_", "再次派单"), ("dispatch", "派单"), ("arbitration", "会商裁定"),
    ("appeal_decision", "申诉复核"), ("card_decision", "警示牌申诉决定"), ("decision", "申请决定"),
    ("concern", "督办事项核查"), ("instruction", "领导批示件"), ("assistance", "协办"), ("ledger", "台账计划"),
)  # fmt: skip
RESUMED = "handling_resumed_"
"""The stage in which what was left of the handling limit runs on after an appeal is this and the appeal's id."""
SUB_TASK = "assistance_"
"""The stage of a helper's own limit is this and the sub-task's id."""
DECISION, CARD_DECISION = "decision_", "card_decision_"
"""Before the id of the application that waits for a decision."""
CONCERN = "concern_"
"""Before the id of what supervisors have to look into, and how often it was raised."""
ENDED_UNMET = {"anonymous": "不适用（匿名，没有号码可打）", "unreachable": "没有联系上"}
"""What stands as the next stage of a limit that ended without what it waited for, and how it is called."""
STANDING = (CARD_DECISION, CONCERN)
"""What people outside the unit owe, whatever becomes of the case: it outlives the round and the closing."""


def stands(stage: str) -> bool:
    return stage.startswith(STANDING)


def application_of(stage: str) -> int | None:
    """The application whose decision a limit is for."""
    for start in (DECISION, CARD_DECISION):
        if stage.startswith(start):
            return int(stage.removeprefix(start))
    return None


def stage_name(stage: str) -> str:
    """``handling_extended_1`` -> 延期后办理; an unknown code stands for itself."""
    return next((name for start, name in _NAMES if stage.startswith(start)), stage)


def stage_label(stage: str) -> str:
    return f"{stage_name(stage)}时限"
