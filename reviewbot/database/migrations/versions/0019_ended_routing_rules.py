"""Routing exceptions know the case whose ruling they are, and can be ended with a reason"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("routing_exceptions", sa.Column("case_id", sa.Integer(), nullable=True))
    op.add_column("routing_exceptions", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("routing_exceptions", sa.Column("ended_by", sa.Text(), nullable=True))
    op.add_column("routing_exceptions", sa.Column("ended_reason", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_routing_exceptions_case_id"), "routing_exceptions", "cases", ["case_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_routing_exceptions_case_id"), "routing_exceptions", type_="foreignkey")
    for name in ("ended_reason", "ended_by", "ended_at", "case_id"):
        op.drop_column("routing_exceptions", name)
