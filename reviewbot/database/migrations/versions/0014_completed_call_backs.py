"""The attempt that completes a call-back: reached, or exhausted"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("completes", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Until now every case was born under three attempts in different half-days (F9).
    op.execute(
        """
        UPDATE calls SET completes = reached OR outcome IN ('wrong_number', 'refused') OR (
            SELECT count(DISTINCT date_trunc('day', earlier.at AT TIME ZONE 'Asia/Shanghai')
                   + CASE WHEN extract(hour FROM earlier.at AT TIME ZONE 'Asia/Shanghai') >= 12
                          THEN interval '12 hours' ELSE interval '0' END)
            FROM calls earlier
            WHERE earlier.case_id = calls.case_id AND earlier.round = calls.round
              AND earlier.id <= calls.id AND NOT earlier.reached
        ) >= 3
        """
    )


def downgrade() -> None:
    op.drop_column("calls", "completes")
