"""Photographs chosen on a page wait for its form to be handed in"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evidence", sa.Column("chosen_for_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_evidence_chosen_for_id"), "evidence", "cases", ["chosen_for_id"], ["id"])
    op.create_index(op.f("ix_evidence_chosen_for_id"), "evidence", ["chosen_for_id"], unique=False)
