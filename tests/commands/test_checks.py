"""``reviewbot verify`` and ``doctor`` by the real command."""

from case_kit import case_of, opened
from sqlalchemy import text


def test_a_case_without_any_event_is_a_finding_and_the_cases_behind_it_are_still_checked(house, command):
    emptied, altered = opened(house), opened(house)
    with house.database.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("DELETE FROM case_events WHERE case_id = :id"), {"id": case_of(house, emptied).id}
        )
        session.execute(text("UPDATE cases SET event_count = 0 WHERE number = :one"), {"one": emptied})
        session.execute(text("UPDATE cases SET last_hash = 'x' WHERE number = :one"), {"one": altered})
    told = command("verify")

    assert told.returncode == 1
    assert f"工单 {emptied} 第 1 条记录起不连续" in told.stdout
    assert f"工单 {altered} 第" in told.stdout
    assert "共 2 张工单，2 张有问题" in told.stdout


def test_a_database_that_is_away_is_one_line_and_a_finding_of_the_doctor(command):
    away = {"REVIEWBOT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    asked, examined = command("verify", **away), command("doctor", **away)

    assert (asked.returncode, asked.stderr) == (1, "数据库连不上，请检查 REVIEWBOT_DATABASE_URL。\n")
    assert (examined.returncode, examined.stderr) == (1, "")
    assert examined.stdout.startswith("问题　数据库连不上（OperationalError）")
