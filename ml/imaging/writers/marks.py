"""The marks that every result carries wherever it goes. No imports: pages write them too."""

BANNER = "Research use only. Assists a clinician, does not diagnose."
# Shown by viewers beside the result; fits the 64 characters of a DICOM LO.
MARK = "Research use only. Not verified by a doctor."
MARK_LONG = (
    "Research use only. Made by a program and not verified by a doctor. It assists a clinician and does not diagnose."
)
