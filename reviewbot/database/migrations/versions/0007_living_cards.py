"""Cards that live: how long a code is good for, what it was used for, what was taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("code_expires_at", "code_used_at", "withdrawn_at", "settled_at"):
        op.add_column("messages", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE messages SET code_expires_at = sent_at + interval '72 hours' WHERE response_code IS NOT NULL"
    )
    op.execute("UPDATE messages SET settled_at = created_at WHERE kind = 'card_update'")
    op.create_index(
        "ix_messages_living",
        "messages",
        ["code_expires_at"],
        unique=False,
        postgresql_where=sa.text("response_code IS NOT NULL AND code_used_at IS NULL"),
    )
    op.create_index(
        "ix_messages_failed",
        "messages",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "kind IN ('card_update', 'card_recall') AND state = 'suppressed' AND settled_at IS NULL"
        ),
    )
