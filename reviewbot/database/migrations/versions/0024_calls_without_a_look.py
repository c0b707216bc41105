"""Calls put on record before anybody had looked at the number; of those until now it is not said"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "calls", sa.Column("number_unseen", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute(  # what a downgrade took away the events still tell
        """
        UPDATE calls SET number_unseen = true FROM case_events AS told
        WHERE told.case_id = calls.case_id AND told.move = 'record_call'
          AND told.data->>'attempt' = calls.attempt::text AND told.data->>'number_unseen' = 'true'
        """
    )


def downgrade() -> None:
    op.drop_column("calls", "number_unseen")
