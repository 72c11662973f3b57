"""Django admin for reviewing records. Clinical rows are shown and never changed here."""

from detection.admin import people, records, work

__all__ = ["people", "records", "work"]
