"""What a limit is about, in words: stages are stored by a code, some with a number or a round of their own."""

_NAMES = (
    ("contact", "联系评价人"), ("handling_complex", "复杂事项办理"), ("handling_extended", "延期后办理"),
    ("handling_resumed", "申诉后办理"),
    ("handling", "办理"), ("dispatch_", "再次派单"), ("dispatch", "派单"), ("arbitration", "会商裁定"),
    ("appeal_decision", "申诉复核"), ("instruction", "领导批示件"), ("assistance", "协办"), ("ledger", "台账计划"),
)  # fmt: skip
RESUMED = "handling_resumed_"
"""The stage in which what was left of the handling limit runs on after an appeal is this and the appeal's id."""
SUB_TASK = "assistance_"
"""The stage of a helper's own limit is this and the sub-task's id."""


def stage_name(stage: str) -> str:
    """``handling_extended_1`` -> 延期后办理; an unknown code stands for itself."""
    return next((name for start, name in _NAMES if stage.startswith(start)), stage)


def stage_label(stage: str) -> str:
    return f"{stage_name(stage)}时限"
