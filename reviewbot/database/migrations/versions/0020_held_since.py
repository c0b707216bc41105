"""Since when the unit that has a case can act; cards and letters that passed at the desk are owed to the unit again."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("held_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE cases SET held_since = assigned_at")
    op.execute(
        """
        UPDATE due_times SET rungs_done = ARRAY(
            SELECT rung FROM unnest(rungs_done) WITH ORDINALITY AS done(rung, place)
            WHERE NOT EXISTS (
                SELECT FROM case_events WHERE case_events.case_id = due_times.case_id
                AND move = 'mark_overdue' AND remark LIKE '%仍未办理'
                AND data->>'stage' = due_times.stage AND data->>'rung' = rung
                AND (data->>'round')::int = due_times.round
            ) ORDER BY place
        )
        WHERE met_at IS NULL AND replaced_by IS NULL
        AND EXISTS (SELECT FROM cases WHERE cases.id = due_times.case_id AND status <> 'closed')
        """
    )
    op.execute("UPDATE cases SET next_action_at = now() WHERE status <> 'closed' AND due_at < now()")


def downgrade() -> None:
    op.drop_column("cases", "held_since")
