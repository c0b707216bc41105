"""The rules by the real command: check, activate, list, show; calendars foreseen and applied."""

import json

from case_kit import case_of, due_times, events, opened
from rules_kit import LOCAL, NATIONAL, POLICY, local_days, policy_text

from reviewbot.settings import ROOT

SHORTER = ("[limits.handling]\nvalue = 5", "[limits.handling]\nvalue = 2")


def written(tmp_path, text, name="draft.toml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_check_tells_every_mistake_at_once_with_what_is_allowed_and_the_nearest_name(command, tmp_path):
    text = policy_text(
        "draft", ("[limits.handling_help]", "[limits.handling_halp]"), ('rounding = "round"', 'rounding = "up"'),
        ("most_days = 10", "most_days = 0"), ("quiet = true", "quite = true"),
    )  # fmt: skip
    told = command("policy", "check", written(tmp_path, text))

    assert told.returncode == 1
    for words in (
        "limits.handling_help　缺失", "rates.rounding　“up”不对；应为 round、truncate 之一", "extensions.most_days",
        "应为 1 到 1000 之间的整数", "messages.quiet", "messages.quite　没有这一项，不起作用；是否想写 quiet",
        "limits.handling_halp　没有任何环节使用这个时限；是否想写 handling_help", "4 处错误，2 处可疑",
    ):  # fmt: skip
        assert words in told.stdout
    broken = command("policy", "check", written(tmp_path, "version = "))
    assert (broken.returncode, broken.stdout.startswith("错误")) == (1, True)
    assert command("policy", "check", ROOT / "config/policy.toml").returncode == 0


def test_activate_shows_what_differs_asks_and_is_kept_with_who_and_when(command, house, tmp_path):
    old, draft = opened(house), written(tmp_path, policy_text("strict", SHORTER))
    asked = command("policy", "activate", draft)
    assert (asked.returncode, "limits.handling.value　5 → 2" in asked.stdout) == (1, True)
    assert "strict" not in command("policy", "list").stdout
    done = command("policy", "activate", draft, "--yes", LOGNAME="liwei")

    assert (done.returncode, "已施行" in done.stdout) == (0, True)
    listed = command("policy", "list").stdout
    assert "liwei" in listed
    assert ["现行" in line for line in listed.splitlines() if "strict" in line or "2026-11-4 " in line] == [
        True,
        False,
    ]
    assert command("policy", "show", "strict").stdout == draft.read_text("utf-8")
    new = opened(house)
    assert [case_of(house, number).policy_version for number in (old, new)] == ["2026-11-4", "strict"]
    assert "早已存档" in command("policy", "activate", draft).stdout  # nobody is asked about nothing


def test_a_day_in_the_past_and_a_draft_with_mistakes_are_not_activated(command, tmp_path):
    draft = written(tmp_path, policy_text("late"))
    refused = command("policy", "activate", draft, "--from", "2026-11-01")
    assert (refused.returncode, "已经过去" in refused.stderr, "施行" in refused.stdout) == (1, True, False)
    wrong = written(tmp_path, policy_text("wrong", ("deciders = 2", "deciders = 0")))
    assert command("policy", "activate", wrong, "--yes").returncode == 1
    assert "late" not in command("policy", "list").stdout


def test_a_version_of_a_later_day_is_kept_and_said_to_wait_for_it(command, tmp_path):
    draft = written(
        tmp_path,
        policy_text("later", SHORTER, ("effective_from = 2026-11-01", "effective_from = 2026-12-01")),
    )
    done = command("policy", "activate", draft, "--yes", "--from", "2026-12-10").stdout

    assert "已存档，自 2026-12-10 起施行。" in done
    assert done.count("2026-12-10") == 2
    assert "2026-12-01" not in done


def test_a_file_that_cannot_be_read_is_told_why_and_a_mark_of_the_editor_does_no_harm(command, tmp_path):
    draft = tmp_path / "draft.toml"
    draft.write_bytes(policy_text("marked", SHORTER).encode("utf-8-sig"))
    assert command("policy", "check", draft).returncode == 0
    draft.write_bytes(policy_text("marked", SHORTER).encode("gb18030"))
    assert "不是 UTF-8 编码" in command("policy", "check", draft).stdout
    assert "是文件夹" in command("policy", "check", tmp_path).stdout
    assert "读不到" in command("policy", "check", tmp_path / "none.toml").stdout


def test_a_start_with_a_known_version_of_other_text_ends_in_one_line(command, tmp_path):
    altered = written(tmp_path, POLICY.replace("deciders = 2", "deciders = 3"))
    told = command("up", REVIEWBOT_BIND="127.0.0.1:8099", REVIEWBOT_POLICY=str(altered))

    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "2026-11-4" in told.stderr


def test_a_changed_calendar_waits_is_told_foreseen_and_applied(command, house, tmp_path):
    number = opened(house)
    before = [due.due_at for due in due_times(house, number)]
    written(tmp_path, NATIONAL, "national.toml")
    written(tmp_path, local_days("storm", off=["2026-12-02"]), "local.toml")
    folder = {"REVIEWBOT_CALENDAR": str(tmp_path)}
    assert (
        "calendar file is not in force"
        in command("rates", **folder).stderr + command("rates", **folder).stdout
    )
    assert "尚未施行" in command("doctor", **folder).stdout
    foreseen = command("calendar", "check", **folder)
    assert foreseen.returncode == 0
    assert (
        f"{number}　办理 2026-12-07 17:30 → 2026-12-08 17:30（12-02 周三 工作日改为台风停工休）"
        in foreseen.stdout
    )
    assert "共 1 件工单的时限移动" in foreseen.stdout
    assert [due.due_at for due in due_times(house, number)] == before
    assert [event.move for event in events(house, number)].count("follow_calendar") == 0
    assert command("calendar", "apply", **folder).returncode == 1  # nobody said yes
    applied = command("calendar", "apply", "--yes", **folder)

    assert (applied.returncode, "1 件在办工单" in applied.stdout) == (0, True)
    assert [event.move for event in events(house, number)].count("follow_calendar") == 1
    assert "storm" in command("calendar", "list").stdout
    assert "尚未施行" not in command("doctor", **folder).stdout
    written(tmp_path, LOCAL, "local.toml")
    assert command("calendar", "apply", "--yes", **folder).returncode == 0
    assert [due.due_at for due in due_times(house, number)] == before


def test_simulate_prints_the_draft_beside_what_was_in_force(command, house, tmp_path):
    opened(house)
    draft = written(tmp_path, policy_text("strict", SHORTER))
    printed = command("policy", "simulate", draft, "--months", "1")
    assert (printed.returncode, "社保局" in printed.stdout, "黄牌" in printed.stdout) == (0, True, True)
    assert "重放至 2026-11-30 09:00" in printed.stdout
    assert "草案：规则 strict，日历 " in printed.stdout
    assert "合计" in printed.stdout
    told = json.loads(
        command("policy", "simulate", draft, "--calendar", ROOT / "config/calendar", "--json").stdout
    )

    (unit,) = told["departments"]
    assert told["total"] == {key: unit[key] for key in ("in_force", "draft", "difference")}
    assert (told["policy"], told["until"]) == ("strict", "2026-11-30T01:00:00+00:00")
    assert (unit["department"], unit["in_force"]["cases"], unit["difference"]["cases"]) == ("社保局", 1, 0)
    assert told["cards"] == {"replayed": {"yellow": 0, "red": 0}, "issued": {"yellow": 0, "red": 0}}
    assert told["letters"]["replayed"] == told["letters"]["issued"] == {"letters": 0, "reports": 0}
    assert "strict" not in command("policy", "list").stdout


def test_a_command_that_only_asks_takes_no_new_policy(command, tmp_path):
    edited = written(tmp_path, policy_text("strict", SHORTER))

    assert command("rates", REVIEWBOT_POLICY=str(edited)).returncode == 0
    assert "strict" not in command("policy", "list").stdout
