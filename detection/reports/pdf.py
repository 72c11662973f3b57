"""HTML to PDF by WeasyPrint, which is given every byte it may use and can fetch nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from PIL import ImageFile

from ml.imaging.errors import ImagingError

NO_PANGO = (
    "This installation cannot make PDF files: the system library Pango is missing. "
    "Your administrator can install it (on Debian and Ubuntu: libpango-1.0-0 and libpangoft2-1.0-0). The zip has the same numbers."
)
SCHEME = "report:"


class NoPdf(ImagingError):
    """This installation cannot make PDF files; the sentence says why."""


def to_pdf(html: str, pictures: Mapping[str, bytes], *, fonts: Mapping[str, Path]) -> bytes:
    """Make the PDF, tagged for screen readers (PDF/UA-1).

    Parameters
    ----------
    html : str
        The report. Everything it shows is addressed as `report:NAME`.
    pictures : mapping
        PNG bytes by name.
    fonts : mapping
        Font files by name.

    Raises
    ------
    NoPdf
        Where Pango is not installed.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
    except OSError:
        raise NoPdf(NO_PANGO) from None
    # WeasyPrint has Pillow fill up what is missing of a broken picture, for the whole process: readers must refuse it.
    ImageFile.LOAD_TRUNCATED_IMAGES = False

    class Given(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        """Answers with what was handed over, and with nothing else."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            name = url.removeprefix(SCHEME)
            if name in pictures:
                return URLFetcherResponse(url, pictures[name], {"Content-Type": "image/png"})
            if name in fonts:
                return URLFetcherResponse(url, fonts[name].read_bytes(), {"Content-Type": "font/woff2"})
            raise FatalURLFetchingError("the report asks for something that it was not given")

    for name in ("weasyprint", "fontTools"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    document = HTML(string=html, base_url=SCHEME, url_fetcher=Given())
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return made
