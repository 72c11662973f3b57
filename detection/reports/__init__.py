"""The report: a result on one or two printed pages.

`render` turns rows into HTML, in the web process. `drawn` and `pdf` make pictures and PDF of it in a
process of its own, which knows no Django.
"""
