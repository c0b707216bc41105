"""What a later copy of a work order says of its ending, and what the case made of it; copies stay as they came (F3)."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_STAY = """
CREATE TRIGGER copies_stay BEFORE DELETE OR UPDATE OF id, review_id, batch_id, received_at, fingerprint
  ON review_copies FOR EACH ROW EXECUTE FUNCTION reviews_stay();
CREATE TRIGGER endings_stay BEFORE UPDATE OF result, closed_at, satisfaction ON review_copies FOR EACH ROW
  WHEN (OLD.outcome IS NOT NULL) EXECUTE FUNCTION reviews_stay();
"""
"""A copy from before this release is read when it comes again. Left: ``raw``, which an erasure empties, ``outcome``."""


def upgrade() -> None:
    op.add_column("review_copies", sa.Column("result", sa.Text(), nullable=False, server_default="altered"))
    op.alter_column("review_copies", "result", server_default=None)
    op.add_column("review_copies", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_copies", sa.Column("satisfaction", sa.Text(), nullable=True))
    op.add_column("review_copies", sa.Column("outcome", sa.Text(), nullable=True))
    op.create_index(
        "ix_review_copies_waiting",
        "review_copies",
        ["review_id"],
        postgresql_where=sa.text("outcome = 'waiting'"),
    )
    op.execute(_STAY)


def downgrade() -> None:
    op.execute("DROP TRIGGER endings_stay ON review_copies; DROP TRIGGER copies_stay ON review_copies")
    op.drop_index("ix_review_copies_waiting", table_name="review_copies")
    for name in ("outcome", "satisfaction", "closed_at", "result"):
        op.drop_column("review_copies", name)
