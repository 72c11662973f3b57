"""From findings to files that other programs read: a format a file.

Every writer takes the contract's scan object, the outlines and a `Provenance`, and gives
bytes or a pydicom Dataset; none touches the database or decides who may have the result.
What a writer cannot say truthfully (a side without an orientation, millimetres without a
spacing) it leaves out or refuses with `NotExportable`.

* `nifti`: the mask in the source's own voxels
* `dicom_seg`, `dicom_sr`: DICOM Segmentation and Structured Report (TID 1500)

`source` reads the geometry of the original DICOM instances that the results refer to.
The modules import highdicom, which costs half a second: import them where they are used.
"""
