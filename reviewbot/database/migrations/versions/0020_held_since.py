"""Since when the unit that has a case can act; cards and letters that passed at the desk are owed to the unit again."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_SINCE = """
UPDATE cases SET held_since = COALESCE(
    (
        SELECT max(at) FROM case_events
        WHERE case_id = cases.id AND move IN ('uphold_appeal', 'refuse_appeal') AND at > assigned_at
    ),
    CASE WHEN assigned_at = opened_at THEN dispatched_at ELSE assigned_at END
)
"""
_AGAIN = """
WITH passed AS (
    SELECT case_id, (data->>'round')::int AS round, data->>'stage' AS stage, array_agg(data->>'rung') AS rungs
    FROM case_events WHERE move = 'mark_overdue' AND remark LIKE '%仍未办理' AND data->>'rung' NOT LIKE '%@none'
    GROUP BY 1, 2, 3
), again AS (
    UPDATE due_times SET rungs_done = ARRAY(
        SELECT rung FROM unnest(rungs_done) WITH ORDINALITY AS done(rung, place)
        WHERE rung <> ALL (passed.rungs) ORDER BY place
    )
    FROM passed
    WHERE passed.case_id = due_times.case_id AND passed.round = due_times.round AND passed.stage = due_times.stage
    AND met_at IS NULL AND replaced_by IS NULL AND rungs_done && passed.rungs
    RETURNING due_times.case_id
)
UPDATE cases SET next_action_at = opened_at
WHERE status <> 'closed' AND id IN (SELECT case_id FROM again)
"""
"""Looked at with the next sweep, which finds the right moment, by whatever clock."""


def upgrade() -> None:
    op.add_column("cases", sa.Column("held_since", sa.DateTime(timezone=True), nullable=True))
    op.execute(_SINCE)
    op.execute(_AGAIN)


def downgrade() -> None:
    op.drop_column("cases", "held_since")
