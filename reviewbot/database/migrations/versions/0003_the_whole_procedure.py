"""Applications, joint cases, delegates, cards, letters, problems, the rater's answers, policy versions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


KIND = sa.Enum(
    "rating", "consult", "help", "complaint", "report", "suggestion", "instruction",
    name="kind", native_enum=False, length=40,
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_versions")),
    )
    op.create_table(
        "delegations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("delegate_id", sa.Integer(), nullable=False),
        sa.Column("date_from", sa.Date(), nullable=False),
        sa.Column("date_to", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["delegate_id"], ["staff.id"], name=op.f("fk_delegations_delegate_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_delegations_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    op.create_index(op.f("ix_delegations_staff_id"), "delegations", ["staff_id"], unique=False)
    op.create_table(
        "problems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("measures_from", sa.Date(), nullable=True),
        sa.Column("before_count", sa.Integer(), nullable=False),
        sa.Column("after_count", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_problems_department_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_problems_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index(
        "uq_problems_open",
        "problems",
        ["department_id", "item", "reason_code", "object"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "extension",
                "ledger",
                "appeal",
                "card_appeal",
                name="applicationkind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.Integer(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_name", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deciders", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "granted",
                "refused",
                "lapsed",
                name="applicationstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_applications_case_id")),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_applications_department_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_case_id"), "applications", ["case_id"], unique=False)
    op.create_index(
        "uq_applications_pending",
        "applications",
        ["case_id", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "assistances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("handler_id", sa.Integer(), nullable=True),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_assistances_case_id")),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_assistances_department_id")
        ),
        sa.ForeignKeyConstraint(["handler_id"], ["staff.id"], name=op.f("fk_assistances_handler_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistances")),
    )
    op.create_index(op.f("ix_assistances_case_id"), "assistances", ["case_id"], unique=False)
    op.create_index(op.f("ix_assistances_department_id"), "assistances", ["department_id"], unique=False)
    op.create_index(
        "uq_assistances_open",
        "assistances",
        ["case_id", "department_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "supervision",
                "special_report",
                "rectification_notice",
                "explanation_notice",
                "ledger",
                name="letterkind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "reviewed",
                "issued",
                "received",
                "withdrawn",
                name="letterstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("serial", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_letters_case_id")),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_letters_department_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("kind", "year", "serial", name=op.f("uq_letters_kind_year_serial")),
        sa.UniqueConstraint("origin", name=op.f("uq_letters_origin")),
    )
    op.create_index(op.f("ix_letters_case_id"), "letters", ["case_id"], unique=False)
    op.create_index(op.f("ix_letters_department_id"), "letters", ["department_id"], unique=False)
    op.create_table(
        "phone_reveals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_phone_reveals_case_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_phone_reveals_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_reveals")),
    )
    op.create_index(op.f("ix_phone_reveals_case_id"), "phone_reveals", ["case_id"], unique=False)
    op.create_table(
        "problem_reviews",
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name=op.f("fk_problem_reviews_problem_id")),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_problem_reviews_review_id")),
        sa.PrimaryKeyConstraint("problem_id", "review_id", name=op.f("pk_problem_reviews")),
    )
    op.create_table(
        "rater_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_rater_answers_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rater_answers")),
        sa.UniqueConstraint("case_id", "round", name=op.f("uq_rater_answers_case_id_round")),
    )
    op.create_table(
        "recall_draws",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("population", sa.Text(), nullable=True),
        sa.Column("population_sha256", sa.Text(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_recall_draws")),
    )
    op.create_table(
        "recalls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("caller_id", sa.Integer(), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_by", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["period"], ["recall_draws.period"], name=op.f("fk_recalls_period")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_recalls_case_id")),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_recalls_department_id")),
        sa.ForeignKeyConstraint(["caller_id"], ["staff.id"], name=op.f("fk_recalls_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recalls")),
        sa.UniqueConstraint("period", "case_id", name=op.f("uq_recalls_period_case_id")),
        sa.UniqueConstraint("period", "place", name=op.f("uq_recalls_period_place")),
    )
    for column in ("case_id", "department_id", "caller_id", "concluded_at"):
        op.create_index(op.f(f"ix_recalls_{column}"), "recalls", [column], unique=False)
    op.create_table(
        "recall_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recall_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["recall_id"], ["recalls.id"], name=op.f("fk_recall_attempts_recall_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recall_attempts_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_attempts")),
    )
    op.create_index(op.f("ix_recall_attempts_recall_id"), "recall_attempts", ["recall_id"], unique=False)
    op.create_table(
        "supervision_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_supervision_events_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision_events")),
        sa.UniqueConstraint(
            "case_id", "round", "kind", name=op.f("uq_supervision_events_case_id_round_kind")
        ),
    )
    op.create_index(op.f("ix_supervision_events_case_id"), "supervision_events", ["case_id"], unique=False)
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("due_time_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("handler_id", sa.Integer(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_cards_case_id")),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_cards_department_id")),
        sa.ForeignKeyConstraint(["due_time_id"], ["due_times.id"], name=op.f("fk_cards_due_time_id")),
        sa.ForeignKeyConstraint(["handler_id"], ["staff.id"], name=op.f("fk_cards_handler_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("due_time_id", "colour", name=op.f("uq_cards_due_time_id_colour")),
    )
    op.create_index(op.f("ix_cards_case_id"), "cards", ["case_id"], unique=False)
    op.create_index(op.f("ix_cards_department_id"), "cards", ["department_id"], unique=False)
    op.create_index(op.f("ix_cards_issued_at"), "cards", ["issued_at"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_decisions_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("application_id", "actor", name=op.f("uq_decisions_application_id_actor")),
    )
    op.add_column("calls", sa.Column("outcome", sa.Text(), nullable=True))
    op.execute("UPDATE calls SET outcome = CASE WHEN reached THEN 'reached' ELSE 'no_answer' END")
    op.alter_column("calls", "outcome", nullable=False)
    op.add_column("calls", sa.Column("recording", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("recording_sha256", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE cases SET assigned_at = dispatched_at")
    op.add_column("due_times", sa.Column("replaced_by", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("returned_from_id", sa.Integer(), nullable=True))
    op.add_column("cases", sa.Column("ruled", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("ledger_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("instructed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("satisfaction", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_cases_returned_from_id"), "cases", "departments", ["returned_from_id"], ["id"]
    )
    op.add_column("messages", sa.Column("channel", sa.Text(), server_default="wecom", nullable=False))
    op.add_column(
        "reviews",
        sa.Column(
            "kind",
            KIND,
            server_default="rating",
            nullable=False,
        ),
    )
    op.add_column(
        "cases",
        sa.Column(
            "kind",
            KIND,
            server_default="rating",
            nullable=False,
        ),
    )
    op.alter_column("reviews", "rating", nullable=True)
    op.add_column("reviews", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reviews", sa.Column("satisfaction", sa.Text(), nullable=True))
    op.add_column("reviews", sa.Column("wants_case", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE reviews SET wants_case = is_bad")
    op.drop_index("ix_reviews_unrouted", "reviews")
    op.create_index(
        "ix_reviews_unrouted",
        "reviews",
        ["id"],
        unique=False,
        postgresql_where=sa.text("wants_case AND routed_at IS NULL"),
    )
    op.add_column("messages", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_messages_owed", "messages")
    op.create_index(
        "ix_messages_owed",
        "messages",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('owed', 'sending', 'held')"),
    )
