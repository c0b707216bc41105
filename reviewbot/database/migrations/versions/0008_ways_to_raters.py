"""Which way carried a message to a rater; who chose the 公众号"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rater_openids",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_rater_openids_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_rater_openids")),
    )
    op.add_column("messages", sa.Column("carrier", sa.Text(), nullable=True))
    op.add_column(
        "messages", sa.Column("passed", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
