"""``reviewbot doctor`` and ``reviewbot verify``: is the system well, has anybody altered a record."""

import typer
from sqlalchemy.exc import DBAPIError

from reviewbot.commands.audit import altered_case, altered_facts
from reviewbot.commands.base import bring_up, console, opened, plainly, prepared
from reviewbot.commands.doctor import check_system
from reviewbot.database.session import database_is_away
from reviewbot.queries.audit import case_records, standing_reviews


@plainly
def doctor() -> None:
    """检查配置、数据库、队列、企业微信、病毒扫描、日历；每条发现都写明怎么办。"""
    with opened() as house:
        try:
            bring_up(house, start=False)
        except DBAPIError as wrong:
            if not database_is_away(wrong):
                raise
        findings = check_system(house)
    for finding in findings:
        console.print(f"{'正常' if finding.good else '问题'}　{finding.what}", markup=False)
        if finding.advice:
            console.print(f"　　　{finding.advice}", markup=False)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


@plainly
def verify() -> None:
    """核对每条评价和每张工单的记录是否被改动；有改动则返回非零。"""
    total, reviews, broken = 0, 0, set[str]()
    with prepared() as house, house.database.begin() as session:
        # One moment for all: what moves meanwhile is no finding.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for review, number in standing_reviews(session):
            profile = house.profiles.get(review.source)
            if wrong := altered_facts(review, profile.zone if profile else None):
                if number:
                    broken.add(number)
                else:
                    reviews += 1
                _tell(f"工单 {number}" if number else f"评价 {review.source} {review.external_id}", wrong)
        for record in case_records(session):
            total += 1
            for wrong in altered_case(record, house.settings.data_dir):
                broken.add(record.case.number)
                _tell(f"工单 {record.case.number}", wrong)
    others = f"；另有 {reviews} 条没有工单的评价被改动" if reviews else ""
    console.print(f"共 {total} 张工单，{len(broken)} 张有问题{others}", highlight=False)
    raise typer.Exit(1 if broken or reviews else 0)


def _tell(which: str, wrong: str) -> None:
    console.print(f"{which} {wrong}", style="red", markup=False, highlight=False, soft_wrap=True)
