"""Streams uploads to disk and stops them at the limits, before anything is parsed as an image."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers, StopUpload
from django.http import HttpRequest

from ml.imaging import sandbox
from ml.imaging.errors import UploadRefused

MEGABYTE = 1024 * 1024


class StreamedFile(UploadedFile):  # type: ignore[type-arg]  # Django at run time has no type argument
    """An upload on disk. Its path is made here, never from its name, and `close` removes it.

    Django's TemporaryUploadedFile puts the name's ending into the path and holds the file open;
    600 slices would be 600 open files.
    """

    def __init__(self, name: str, content_type: str, charset: str | None) -> None:
        # The handle is closed in `finish`; the file itself lives until `close`.
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115
            prefix="upload-", dir=settings.FILE_UPLOAD_TEMP_DIR, delete=False
        )
        super().__init__(handle, "upload", content_type, 0, charset)
        self.name = name
        self._handle = handle
        self.path = Path(handle.name)

    def append(self, chunk: bytes) -> None:
        """Write the next bytes."""
        self._handle.write(chunk)

    def finish(self, size: int) -> None:
        """Close the handle once everything has arrived."""
        self._handle.close()
        self.size = size

    def close(self) -> None:
        """Remove the file; what was wanted of it has been stored by then."""
        self._handle.close()
        self.path.unlink(missing_ok=True)


class LimitedUploadHandler(FileUploadHandler):
    """Holds an upload to `config`'s limits while it streams.

    Over a limit, the rest of the body is not kept and `request.upload_refused` holds the refusal
    (413) for the view to show. Nobody's and everybody's uploads are held to the same limits;
    somebody who is not signed in has nothing kept at all.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.config = settings.CONFIG
        self.count = 0
        self.total = 0
        self.current = 0
        self.length = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> None:
        """Note how long the body says it is."""
        self.length = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open the next file, unless it is one too many."""
        super().new_file(*args, **kwargs)
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            # A browser's own form is read to its end, so that it shows the way to sign in; a long body is not.
            raise StopUpload(connection_reset=self.length > MEGABYTE)
        if not self.count:
            sandbox.get_ready()  # it starts while the files stream in
        self.count += 1
        self.current = 0
        most, whole = self.config.max_upload_files, self.config.max_study_mb
        if self.count > most:
            self._stop(f"More than {most:,} files at once. Upload one series at a time.")
        if self.length > whole * MEGABYTE + MEGABYTE:
            self._stop(f"The upload is larger than {whole:,} MB. Upload one series at a time.")
        self.file = StreamedFile(self.file_name or "file", self.content_type or "", self.charset)
        if self.count == 1:
            self._close_with_the_request()
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep a chunk, or stop where the file or the whole upload grows too large."""
        self.current += len(raw_data)
        self.total += len(raw_data)
        single, whole = self.config.max_upload_mb, self.config.max_study_mb
        if self.current > single * MEGABYTE:
            self._stop(f"A file is larger than {single:,} MB. Export it smaller, or one series at a time.")
        if self.total > whole * MEGABYTE:
            self._stop(f"The upload is larger than {whole:,} MB. Upload one series at a time.")
        self.file.append(raw_data)

    def file_complete(self, file_size: int) -> StreamedFile:
        """Hand the file over; whoever has it closes it."""
        self.file.finish(file_size)
        return self.file

    def upload_interrupted(self) -> None:
        """The body ended within a file."""
        self.file.close()
        self._refuse(UploadRefused("The upload was cut off on its way, so nothing was kept. Send it again.", 400))

    def _close_with_the_request(self) -> None:
        """Of a file within which the client vanished, Django tells nobody: it goes when the request ends."""
        request = self.request
        assert request is not None
        close = request.close

        def close_all() -> None:
            self.file.close()
            close()

        request.close = close_all  # type: ignore[method-assign]

    def _refuse(self, refusal: UploadRefused) -> None:
        if self.request is not None:
            self.request.upload_refused = refusal  # type: ignore[attr-defined]  # read by views.new_scan

    def _stop(self, sentence: str) -> None:
        self._refuse(UploadRefused(sentence, 413))
        # A browser shows our answer only once it has sent everything, so the rest is read and dropped;
        # where the rest would take long, the connection is closed instead.
        raise StopUpload(connection_reset=self.length > 2 * self.config.max_study_mb * MEGABYTE)
