"""An act between the two of the demonstration: a stricter draft is checked, simulated and activated while all runs."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from reviewbot.simulator.director import Stage
from reviewbot.simulator.pages import PlayFailed

OLD = '[limits.contact]\nvalue = 1\nunit = "working_day"'
NEW = '[limits.contact]\nvalue = 4\nunit = "working_hour"'
VERSION, STRICT = 'version = "2026-11-4"', 'version = "2026-11-strict"'


def play_rules(
    stage: Stage,
    command: Callable[..., str],
    policy: str,
    draft: Path,
    now: datetime,
    say: Callable[[str], None],
) -> None:
    """``command`` runs ``reviewbot`` and gives back what it printed; ``policy``: the text that is in force."""
    say("规则：联系评价人的时限由 1 个工作日改为 4 个工作小时，先检查、推演，再施行")
    if OLD not in policy or VERSION not in policy:
        raise PlayFailed("现行规则不是演示所知的那一版")
    draft.write_text(policy.replace(OLD, NEW).replace(VERSION, STRICT), encoding="utf-8")
    say(command("policy", "check", str(draft)).strip().splitlines()[-1])
    told = json.loads(command("policy", "simulate", str(draft), "--json"))
    was, would = (
        sum(unit[side]["reminders"] for unit in told["departments"]) for side in ("in_force", "draft")
    )
    say(f"推演：催办消息 {was} 条变为 {would} 条，黄牌重放 {told['cards']['replayed']['yellow']} 张")
    before = {case["number"]: _limits(stage, case["number"]) for case in stage.cases()}
    command("policy", "activate", str(draft), "--yes")
    stage.push("standard", [_record(now)])
    stage.settle()
    after = {case["number"]: _limits(stage, case["number"]) for case in stage.cases()}
    (new,) = after.keys() - before.keys()
    if before.items() - after.items() or ("contact", "4 工作小时", "2026-11-strict") not in after[new]:
        raise PlayFailed(f"施行新规则之后，旧工单没有保持原来的规则，或者新工单没有照新规则：{after[new]}")
    say(f"已施行：{len(before)} 件旧工单的时限不变，新工单 {new} 按 4 个工作小时联系评价人")


def _limits(stage: Stage, number: str) -> frozenset[tuple[str, ...]]:
    limits = stage.get(f"cases/{number}")["due_times"]
    return frozenset((one["stage"], one["limit"], one["policy_version"]) for one in limits)


def _record(now: datetime) -> bytes:
    record = {
        "external_id": "GZ20260001", "rating": 2, "reviewed_at": (now - timedelta(hours=1)).isoformat(),
        "channel": "mobile", "department": "SOC", "item": "社会保险费缴费查询", "comment": "查不到缴费记录",
        "rater": {"kind": "person", "anonymous": True},
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False).encode()
