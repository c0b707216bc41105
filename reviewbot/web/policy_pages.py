"""The rules as they were in force: every version, what it changed, and the calendars. Read only, for all staff."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reviewbot.models.policy import PolicyVersion
from reviewbot.queries.rulebooks import calendar_changes, policy_versions, version_on
from reviewbot.queries.scope import Viewer
from reviewbot.rules.policy import parse
from reviewbot.rules.policy_check import differences
from reviewbot.web import views
from reviewbot.web.login import house_of


def policies(request: Request, viewer: Viewer) -> Response:
    """The last version first, each with its differences from the one before it; ``#v-NAME`` leads to one."""
    house = house_of(request)
    now = house.clock.now()
    with house.database.begin() as session:
        rows = policy_versions(session)
        in_force = version_on(session, now)
        calendars = [(row.version, views.moment(row.at), row.by) for row in calendar_changes(session)]
    older: list[PolicyVersion | None] = [*rows[1:], None]
    return views.render(
        request, "policies.html", calendars=calendars,
        rows=[_view(row, before, in_force) for row, before in zip(rows, older, strict=True)],
    )  # fmt: skip


def _view(row: PolicyVersion, before: PolicyVersion | None, in_force: str) -> dict[str, Any]:
    changes = differences(parse(before.text, ""), parse(row.text, "")) if before else []
    return {
        "version": row.version, "from": row.effective_from.isoformat(), "taken": views.moment(row.taken_at),
        "by": row.taken_by, "sha256": row.sha256, "text": row.text, "changes": changes,
        "before": before.version if before else "", "state": "现行" if row.version == in_force else "",
    }  # fmt: skip
