"""The database itself keeps what a rater said; only its erasure and the doorbell's mark may be written (F3, R20)."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_STAY = """
CREATE FUNCTION reviews_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'reviews are never changed'; END $$;
CREATE TRIGGER reviews_stay BEFORE DELETE OR UPDATE OF
  id, batch_id, received_at, source, external_id, round, kind, rating, is_bad, wants_case, is_default, reviewed_at,
  channel, department, department_name, item, item_code, "window", handled_by, reason_codes, rater_kind,
  rater_anonymous, closed_at, satisfaction, flags, fingerprint
  ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_stay();
CREATE TRIGGER raters_stay BEFORE UPDATE OF comment, rater_name, rater_phone, raw, erased_at ON reviews FOR EACH ROW
  WHEN (OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL) EXECUTE FUNCTION reviews_stay();
"""


def upgrade() -> None:
    op.execute(_STAY)


def downgrade() -> None:
    op.execute("DROP TRIGGER raters_stay ON reviews; DROP TRIGGER reviews_stay ON reviews")
    op.execute("DROP FUNCTION reviews_stay()")
