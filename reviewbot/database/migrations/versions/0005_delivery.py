"""What a message knows of tries that were not answered, and of those it goes out with"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("unsure_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("together", sa.Integer(), nullable=True))
    op.create_index(
        "ix_messages_together", "messages", ["together"], postgresql_where=sa.text("together IS NOT NULL")
    )
