"""The table of the case's life as a Mermaid diagram; the README's is made here and a test compares the two."""

from reviewbot.rules.lifecycle import TRANSITIONS, CaseStatus

BEGIN, END = "<!-- diagram:begin -->", "<!-- diagram:end -->"


def diagram() -> str:
    """Every change of status as an arrow, moves between the same two joined; what changes no status as a note."""
    arrows: dict[tuple[CaseStatus, CaseStatus], list[str]] = {}
    stays: dict[CaseStatus, list[str]] = {}
    for (status, move), after in TRANSITIONS.items():
        if status is after:
            stays.setdefault(status, []).append(move.label)
        else:
            arrows.setdefault((status, after), []).append(move.label)
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {status.value}: {status.label}" for status in CaseStatus]
    lines += [f"    [*] --> {CaseStatus.AWAITING_DISPATCH.value}"]
    lines += [
        f"    {before.value} --> {after.value}: {'、'.join(labels)}"
        for (before, after), labels in arrows.items()
    ]
    lines += [f"    note right of {status.value}: {'、'.join(labels)}" for status, labels in stays.items()]
    lines += [f"    {CaseStatus.CLOSED.value} --> [*]", "```"]
    return "\n".join(lines)
