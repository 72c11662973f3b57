"""`python -m ml predict`: many inputs in, one scan object each out, masks written on the way."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.commands import outputs
from ml.commands.progress import Progress

if TYPE_CHECKING:
    from ml.findings import Findings
    from ml.imaging.errors import ImagingError
    from ml.imaging.volume import Volume
    from ml.pipeline import Pipeline

DESCRIPTION = """\
An INPUT is a file or a folder. A folder, a zip, a NIfTI, a multi-frame DICOM and a multi-page TIFF are one
series each; any other file is one image. In a folder, files that end in _mask.* are left out; one that is given
by its own name is a scan (so leave masks out of PATIENT/*.tif). Without --json and --masks the answers are
printed, a line each.
"""
EPILOG = """\
Masks lie in DIR/SCAN/INDEX.png, 0 or 255, in the file's own rows and columns. For NIfTI that is
array[:, :, k] as stored, k standing in the slice's "source".
Exit status: 0 every input was read and answered, 1 some were not (see "error"), 2 wrong usage, or models or
outputs that cannot be used: then nothing was analysed.
"""
# One call of the pipeline takes this many batches' slices or this many bytes, whichever comes first:
# enough to fill batches across inputs, little enough to report soon and to stay small.
BATCHES_A_CALL = 8
BYTES_A_CALL = 128 * 1024 * 1024
STOPPED = "The run was stopped before this scan was answered."
FAILED = "The analysis stopped before it finished, so nothing was decided about this scan."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file or a folder; several are several scans")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all answers to FILE")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="write one PNG a slice to DIR/SCAN/INDEX.png")
    parser.add_argument("--batch", type=_slices, default=16, metavar="N", help="slices a batch (default 16)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="weights and manifest (default: models/)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    """Analyse every input. See the contract for exit statuses and the JSON."""
    if refusal := outputs.refuse(file=arguments.json, folder=arguments.masks):
        print(f"python -m ml predict: {refusal}", file=sys.stderr)
        return 2
    from ml.imaging.errors import ImagingError

    scans = _Scans(arguments)
    try:
        pipeline = _load(arguments.models)
    except ImagingError as fault:
        print(f"python -m ml predict: {fault.sentence}", file=sys.stderr)
        return 2
    written = True
    try:
        for chunk in _chunks(scans.read(), slices=arguments.batch * BATCHES_A_CALL):
            for index, volume, result in _analyse(pipeline, chunk, arguments.batch, scans.progress):
                scans.answer(index, volume, result)
    finally:
        # Also when it is stopped: what was answered before is not lost.
        scans.progress.close()
        if arguments.json:
            model = {"version": pipeline.version, "files": dict(pipeline.files)}
            written = outputs.write_json(arguments.json, {"model": model, "scans": scans.answers})
        elif not arguments.masks:
            _print_lines(scans.answers)
    return 0 if written and not any("error" in scan for scan in scans.answers) else 1


def _slices(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of slices, 1 or more")
    return int(text)


def _load(folder: Path | None) -> Pipeline:
    from ml.pipeline import Pipeline

    return Pipeline.load(folder) if folder else Pipeline.load()


class _Scans:
    """The inputs of one call: reads them ahead, keeps the answers in their order."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        from ml.imaging.writers.masks import scan_folders

        self.inputs: list[str] = arguments.inputs
        self.masks: Path | None = arguments.masks
        self.folders = scan_folders(self.inputs) if self.masks else []
        self.progress = Progress(len(self.inputs), quiet=arguments.quiet)
        self._answers: list[dict[str, Any] | None] = [None] * len(self.inputs)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """One for each input, in their order; of those that were not reached it says so."""
        from ml.findings import unread_to_json

        return [
            unread_to_json(input=given, error=STOPPED) if answer is None else answer
            for given, answer in zip(self.inputs, self._answers, strict=True)
        ]

    def read(self) -> Iterator[tuple[int, Volume]]:
        """Readable inputs as Volumes; the others are answered on the spot."""
        from ml.imaging import readers
        from ml.imaging.read_ahead import read_ahead
        from ml.imaging.volume import Volume

        for index, result in read_ahead([Path(given) for given in self.inputs], lambda path: readers.read([path])):
            if isinstance(result, Volume):
                yield index, result
            else:
                self.answer(index, None, result)

    def answer(self, index: int, volume: Volume | None, result: Findings | ImagingError) -> None:
        """Keep one answer and write its masks; where those cannot be written, the answer has an `error` too."""
        from ml.findings import Findings, to_json, unread_to_json

        given = self.inputs[index]
        if not isinstance(result, Findings):
            self._answers[index] = unread_to_json(input=given, error=result.sentence)
            self.progress.tell(f"{given}: {result.sentence}")
        elif volume is not None:
            masks, unwritten = None, {}
            if self.masks:
                from ml.imaging.writers.masks import write_masks

                scan = self.folders[index]
                try:
                    masks = [f"{scan}/{name}" for name in write_masks(result, volume, self.masks / scan)]
                except OSError as error:
                    unwritten = {"error": f"Its masks could not be written: {error.strerror}."}
                    self.progress.tell(f"{given}: {unwritten['error']}")
            self._answers[index] = to_json(result, input=given, volume=volume, masks=masks) | unwritten
        self.progress.done()


def _chunks(volumes: Iterable[tuple[int, Volume]], *, slices: int) -> Iterator[list[tuple[int, Volume]]]:
    """Group volumes so that the networks' batches reach across inputs."""
    chunk: list[tuple[int, Volume]] = []
    count = size = 0
    for index, volume in volumes:
        chunk.append((index, volume))
        count, size = count + len(volume), size + volume.voxels.nbytes
        if count >= slices or size >= BYTES_A_CALL:
            yield chunk
            chunk, count, size = [], 0, 0
    if chunk:
        yield chunk


def _analyse(
    pipeline: Pipeline, chunk: Sequence[tuple[int, Volume]], batch: int, progress: Progress
) -> Iterator[tuple[int, Volume, Findings | ImagingError]]:
    """Findings for each volume; where one breaks the analysis, the others still get theirs."""
    from ml.imaging.errors import ImagingError

    volumes = [volume for _, volume in chunk]
    try:
        found = pipeline(volumes, batch=batch, progress=progress.within)
    except Exception as error:  # noqa: BLE001 - told below, for the one volume that caused it
        if len(chunk) > 1:
            for single in chunk:
                yield from _analyse(pipeline, [single], batch, progress)
            return
        sentence = error.sentence if isinstance(error, ImagingError) else FAILED
        progress.tell(f"The analysis raised {type(error).__name__}.")
        yield (*chunk[0], ImagingError(sentence))
        return
    for (index, volume), findings in zip(chunk, found, strict=True):
        yield index, volume, findings


def _print_lines(scans: Sequence[dict[str, Any]]) -> None:
    for scan in scans:
        probability = scan["tumour_probability"]
        words = [
            scan["input"],
            scan["verdict"] or "error",
            "" if probability is None else f"{probability:.2f}",
            scan.get("error") or scan["reason"] or "",
        ]
        print("\t".join(words).rstrip())
