"""De-identification at the door: what is stored names nobody, and its pixels are byte for byte as they came.

DICOM follows the basic profile of PS3.15 annex E with Retain UIDs, Retain Longitudinal (full dates)
and Clean Descriptors. One file a format: `dicom`, `nifti`, `picture` (PNG, JPEG, WebP), `tiff`, `bmp`.
`docs/decisions/0007-deidentification.md` says what this does and what it cannot do.

Everything here runs in the sandbox: the files are hostile.
"""
