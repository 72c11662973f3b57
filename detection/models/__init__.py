"""A row kind a file, each with its QuerySet."""

from detection.models.analysis import Analysis
from detection.models.audit_entry import AuditEntry
from detection.models.delivery import Delivery
from detection.models.measurement import Measurement
from detection.models.scan import Scan
from detection.models.stored_file import StoredFile
from detection.models.study import Study
from detection.models.user import User
from detection.models.worker import Worker

__all__ = ["Analysis", "AuditEntry", "Delivery", "Measurement", "Scan", "StoredFile", "Study", "User", "Worker"]
