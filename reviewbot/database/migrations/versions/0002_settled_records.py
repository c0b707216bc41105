"""What became of records that were set aside"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kept_records", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("kept_records", sa.Column("settled_by", sa.Text(), nullable=True))
    op.add_column("kept_records", sa.Column("settled_name", sa.Text(), nullable=True))
    op.add_column("kept_records", sa.Column("settlement", sa.Text(), nullable=True))
    op.add_column("kept_records", sa.Column("settlement_reason", sa.Text(), nullable=True))
    op.add_column("kept_records", sa.Column("correction", postgresql.JSONB(), nullable=True))
    op.add_column("kept_records", sa.Column("review_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_kept_records_review_id"), "kept_records", "reviews", ["review_id"], ["id"])
    op.create_unique_constraint(op.f("uq_kept_records_review_id"), "kept_records", ["review_id"])
    op.create_index(
        "ix_kept_records_open",
        "kept_records",
        ["id"],
        unique=False,
        postgresql_where=sa.text("result = 'set_aside' AND settled_at IS NULL"),
    )
