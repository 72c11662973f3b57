"""From findings to files that other programs read: a format a file.

Every writer takes the contract's scan object, the outlines and a `Provenance`, and gives
bytes or a pydicom Dataset; none touches the database or decides who may have the result.
What a writer cannot say truthfully (a side without an orientation, millimetres without a
spacing) it leaves out or refuses with `NotExportable`.

* `nifti`: the mask in the source's own voxels
* `dicom_seg`, `dicom_sr`: DICOM Segmentation and Structured Report (TID 1500)
* `dicom_rtstruct`: RT Structure Set; `dicom_sc`: pictures with the outline burnt in; `dicom_pdf`: a report in DICOM
* `archive`: masks, tables and JSON as a zip; `masks`: the masks as files in a folder

`source` reads the geometry of the original DICOM instances that the results refer to, `drawing` draws
outlines into pictures.
The modules import highdicom, which costs half a second: import them where they are used.
"""

MOST_LESIONS = 400
"""More outlines than this are noise: each costs a segment, and no planning system shows them. Here, because pages ask for it too."""
