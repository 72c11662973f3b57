"""StoredFile: one original file as it is kept, without what names the patient, recorded before anything is analysed."""

from __future__ import annotations

import uuid

from django.db import models


class StoredFile(models.Model):
    """Where an original lies, what it was called, and the SHA-256 of its bytes, as received and as stored.

    The key in storage is made of ids alone; `original_name` is shown to its owner and never used as a path.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey("detection.Scan", on_delete=models.CASCADE, related_name="files")
    position = models.PositiveIntegerField(help_text="Place within the scan, from 0.")
    key = models.CharField(max_length=200, unique=True, editable=False)
    original_name = models.CharField(max_length=255)
    format = models.CharField(
        max_length=20, help_text="As found in the content: png, jpeg, tiff, webp, bmp, dicom, nifti."
    )
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True, help_text="Of the bytes as stored.")
    sha256_received = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_index=True,
        help_text="Of the bytes as they arrived; differs where names were removed. Empty on rows older than this field.",
    )
    rows = models.PositiveIntegerField(null=True, blank=True)
    columns = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("position",)
        constraints = [models.UniqueConstraint(name="file_place_in_scan", fields=["scan", "position"])]

    def __str__(self) -> str:
        return f"File {self.id}"
