"""The PDF report as a DICOM instance (Encapsulated PDF, PS3.3 A.45.1), for the study in the PACS."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from ml.imaging.writers.common import MANUFACTURER, Provenance
from ml.imaging.writers.dicom import coded, may_name_patient, new_instance
from ml.imaging.writers.marks import MARK_LONG
from ml.imaging.writers.source import SourceSeries

TITLE = "Brainscan report, research, unverified"


def encapsulated(source: SourceSeries, pdf: bytes, provenance: Provenance) -> Dataset:
    """Wrap a report.

    Args:
        source: the instances that it is about, in slice order.
        pdf: a PDF file.
        provenance: also gives the UIDs: the same run gives the same instance.

    Raises:
        ValueError: if it is not a PDF.
    """
    if not pdf.startswith(b"%PDF-"):
        raise ValueError("not a PDF")
    dataset = new_instance(source.first, provenance, sop_class=EncapsulatedPDFStorage, kind="PDF", modality="DOC")
    dataset.SeriesDescription = "RESEARCH, unverified: report"
    dataset.ConversionType = "WSD"
    dataset.AcquisitionDateTime = ""
    # It shows the day, whatever reference a person wrote, and pictures whose text nobody can vouch for (PS3.3 C.24.2).
    may_name_patient(dataset)
    dataset.DocumentTitle = TITLE
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.ConceptNameCodeSequence = [coded("18748-4", "LN", "Diagnostic Imaging Report")]
    dataset.ContributingEquipmentSequence = [_made_by(provenance)]
    dataset.SourceInstanceSequence = [_reference(instance) for instance in source.instances]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return dataset


def _made_by(provenance: Provenance) -> Dataset:
    """Identity and hash of the scan for who does not read the PDF: the document's module has no comment (PS3.3 C.12.1)."""
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded("109102", "DCM", "Processing Equipment")]
    item.Manufacturer = MANUFACTURER
    item.ContributionDescription = f"{MARK_LONG} {provenance.sentence}"
    return item


def _reference(instance: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.SOPClassUID
    item.ReferencedSOPInstanceUID = instance.SOPInstanceUID
    return item
