"""Measures are judged by the days before them, and a plan has a time to be written and to begin

What opened a problem is kept under a name of its own. Closed problems keep the figure they were closed by; open ones
are counted anew. Open problems get the limits a first policy names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

PLAN_DAYS, BEGIN_WITHIN = "10", "30"


def upgrade() -> None:
    op.alter_column("problems", "before_count", new_column_name="opened_with")
    op.add_column("problems", sa.Column("before_count", sa.Integer(), nullable=True))
    op.execute("UPDATE problems SET before_count = opened_with WHERE closed_at IS NOT NULL")
    for name, value in (("plan_days", PLAN_DAYS), ("begin_within", BEGIN_WITHIN)):
        op.add_column("problems", sa.Column(name, sa.Integer(), server_default=value, nullable=False))
        op.alter_column("problems", name, server_default=None)
    op.add_column("problems", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("problem_attempts", sa.Column("before_count", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("problem_attempts", "before_count")
    for name in ("reminded_at", "begin_within", "plan_days", "before_count"):
        op.drop_column("problems", name)
    op.alter_column("problems", "opened_with", new_column_name="before_count")
