"""Django admin for reviewing records. Clinical rows are shown and never changed here."""

from detection.admin import measurements, people, records, work

__all__ = ["measurements", "people", "records", "work"]
