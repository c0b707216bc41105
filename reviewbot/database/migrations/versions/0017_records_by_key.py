"""Records that became no review, by the key of the review they tell of; reminders that wait name their rung apart."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_kept_records_key", "kept_records", ["source", "external_id"])
    op.execute(
        r"""
        UPDATE messages SET kind = regexp_replace(kind, '_([^_]*)$', '/\1')
        WHERE kind LIKE 'reminder\_%' AND state IN ('owed', 'sending', 'held')
        """
    )


def downgrade() -> None:
    op.execute(
        r"""
        UPDATE messages SET kind = replace(kind, '/', '_')
        WHERE kind LIKE 'reminder\_%' AND state IN ('owed', 'sending', 'held')
        """
    )
    op.drop_index("ix_kept_records_key", table_name="kept_records")
