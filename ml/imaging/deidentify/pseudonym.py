"""One patient, one pseudonym: keyed, so that nobody without the installation's key can try numbers out."""

from __future__ import annotations

import base64
import hashlib
import hmac

# 120 bits: no two patients of one installation share them.
_BYTES = 15


def pseudonym(patient_id: str, issuer: str, key: bytes) -> str:
    """The pseudonym of a patient's number.

    Parameters
    ----------
    patient_id : str
        DICOM's PatientID as in the file; spaces around it do not count.
    issuer : str
        DICOM's IssuerOfPatientID, often empty.
    key : bytes
        The installation's, at least 32 bytes.

    Returns
    -------
    str
        "PX-" and 24 letters and digits; empty where there is no number.

    Raises
    ------
    ValueError
        For a key that is too short to keep anything secret.
    """
    if len(key) < 32:
        raise ValueError("the key has fewer than 32 bytes")
    number = patient_id.strip(" \0")
    if not number:
        return ""
    message = issuer.strip(" \0").encode() + b"\0" + number.encode("utf-8", "surrogateescape")
    digest = hmac.new(key, message, hashlib.sha256).digest()
    return "PX-" + base64.b32encode(digest[:_BYTES]).decode("ascii")
