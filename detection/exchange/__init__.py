"""Results out: files that a PACS, 3D Slicer, a table program or a letter takes.

`formats` says what there is and for which scan, `orders` turns rows into a plain order, `maker` has it
made by a limited process (`maker_child`, `makers`), and `views` hands it out to who may have it.
"""
