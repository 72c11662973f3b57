"""The inside of `intake.take_in`: unpack, look at, de-identify and group the files of one upload.

Runs in the sandbox's process, under its limits; nothing here is trusted by who asked. Files are written under
numbers into the one folder that the parent gave.
"""

from __future__ import annotations

import base64
import hashlib
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.imaging import gather, headers
from ml.imaging.errors import NoSlice, UploadRefused
from ml.imaging.gather import is_left_out
from ml.imaging.headers import archive, dicomdir, nifti
from ml.imaging.headers import dicom as dicom_header
from ml.imaging.headers.dicom_pixels import check_decodes
from ml.imaging.headers.dicom_values import stripped
from ml.imaging.headers.patient import are_several, person_of
from ml.imaging.intake_scans import Kept, Received, scans_of
from ml.imaging.limits import Limits

SECONDS_MORE_PER_FILE = 0.2
"""Processor time that each further file adds to what an upload may take."""

SECONDS_FOR_AN_INDEX = 2.0
INDEX = "The CD's index"
BROKEN_INDEX = "It is damaged, so it is not known whether images are missing. Those that are here were read without it."
TWO_PATIENTS = "The files belong to more than one patient. Upload each patient by itself."


class Intake:
    """One upload on its way through."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.limits = Limits(**request["limits"])
        self.work = Path(request["work"])
        self.key = base64.b64decode(request["key"])
        self.as_series = bool(request["as_series"])
        self.files = [
            Received(Path(each["path"]), each["name"], index, None if each["folder"] is None else ("folder", each["folder"]))
            for index, each in enumerate(request["files"])
        ]  # fmt: skip
        self.at: int | None = None
        self.left_out = 0
        self.aside: list[dict[str, Any]] = []
        self.first_refusal: UploadRefused | None = None
        self.named: list[dicomdir.Entry] = []
        self.instances: set[str] = set()

    def run(self) -> dict[str, Any]:
        """Everything, in order; the answer for the parent."""
        received = self._unpacked()
        self.at = None  # what follows concerns all of them
        self._check_amount(received)
        kept: list[Kept] = []
        for number, one in enumerate(received):
            self.at = one.origin
            _start_timer(self.limits.seconds_per_file)
            found = self._keep(one, number)
            if found is not None:
                kept.append(found)
            if one.path.parent == self.work:
                one.path.unlink(missing_ok=True)  # unpacked, and copied clean
        _start_timer(0)
        self.at = None
        clinical = _patient_of(kept)
        self._under_one_pseudonym(kept, clinical[0])
        planned = scans_of(self._numbered(kept), as_series=self.as_series)
        self.aside += planned.aside
        self.left_out += planned.copies
        if not planned.scans:
            raise self._nothing()
        return {
            "scans": planned.scans,
            "set_aside": self.aside,
            "left_out": self.left_out,
            "pseudonym": clinical[0],
            "acquired_on": clinical[1],
        }

    # ------------------------------------------------------------------ files

    def _unpacked(self) -> list[Received]:
        found: list[Received] = []
        room = self.limits
        for one in self.files:
            self.at = one.origin
            if (one.container is not None or self.as_series) and is_left_out(_base(one.name)):
                self.left_out += 1
                continue
            head = headers.head_of(one.path) if one.path.stat().st_size or one.container is None else b""
            if not archive.accepts(head):
                found.append(one)
                continue
            _start_timer(self.limits.seconds_per_file * 3)
            folder = self.work / f"zip-{one.origin}"
            folder.mkdir(mode=0o700)
            parts = gather.unpack(one.path, folder, room)
            total = 0
            for part in parts:
                target = self.work / f"in-{one.origin}-{part.path.name}"
                part.path.rename(target)
                total += target.stat().st_size
                found.append(Received(target, part.name, one.origin, ("zip", one.origin)))
            folder.rmdir()
            room = replace(room, max_total_bytes=max(1, room.max_total_bytes - total))
        return found

    def _check_amount(self, received: Sequence[Received]) -> None:
        """The limits hold over what was unpacked; the time allowed follows it."""
        if len(received) > self.limits.max_files:
            raise UploadRefused(f"More than {self.limits.max_files:,} files. Upload one examination at a time.", 413)
        total = sum(one.path.stat().st_size for one in received)
        if total > self.limits.max_total_bytes:
            raise UploadRefused(
                f"Unpacked, the upload is larger than {self.limits.max_total_bytes // 2**20:,} MB."
                " Upload one examination at a time.",
                413,
            )
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = min(hard - 1, int(self.limits.seconds + SECONDS_MORE_PER_FILE * len(received) + total / 2**24))
        resource.setrlimit(resource.RLIMIT_CPU, (max(1, soft), hard))

    def _keep(self, one: Received, number: int) -> Kept | None:
        """Look at a file and write its clean copy; None where it is left out or set aside."""
        try:
            headers.check_bytes(one.path, self.limits)
            head = headers.head_of(one.path)
            module = headers.format_of(head)
            if module is archive:
                raise UploadRefused("The zip holds another zip. Pack the images themselves.")
            if module is dicom_header:
                if not dicomdir.is_index(head):
                    return self._keep_dicom(one, number)
                self._read_index(one)
                return None
            return self._keep_other(one, number)
        except UploadRefused as refusal:
            if _base(one.name).lower() == dicomdir.NAME:
                self._without_index()
                return None
            is_dicom = one.path.stat().st_size > 0 and dicom_header.accepts(headers.head_of(one.path))
            # What is no image is left out of a folder or zip; what was chosen by itself has to be one, unless it is a
            # clinical file that came along. A damaged image is never passed over: slices would be missing.
            no_image = refusal.status == 415 or (isinstance(refusal, NoSlice) and one.container is not None)
            if no_image and (one.container is not None or (is_dicom and len(self.files) > 1)):
                if refusal.sentence != headers.NO_IMAGE:  # which of a folder's files to remove, nobody would know
                    self.first_refusal = self.first_refusal or refusal
                self._leave_out(is_dicom)
                return None
            if one.container is not None and not one.path.stat().st_size:
                self._leave_out(False)
                return None
            raise

    def _read_index(self, one: Received) -> None:
        """Note which images a CD's index names. Whatever is wrong with it, the images are there without it."""
        try:
            with _at_most(SECONDS_FOR_AN_INDEX):
                self.named += dicomdir.entries(one.path, self.limits)
        except (UploadRefused, MemoryError, _TooLongError):
            self._without_index()
            return
        self.first_refusal = self.first_refusal or UploadRefused(dicomdir.ONLY_THE_LIST, 415)

    def _without_index(self) -> None:
        self.first_refusal = self.first_refusal or UploadRefused(dicomdir.ONLY_THE_LIST, 415)
        self.aside.append({"label": INDEX, "files": 0, "reason": BROKEN_INDEX})

    def _numbered(self, kept: Sequence[Kept]) -> list[Kept]:
        """The same files, with a number from the index where they carry none; what it names in vain is told."""
        reason = dicomdir.missing(self.named, self.instances)
        if reason:
            self.aside.append({"label": INDEX, "files": 0, "reason": f"It {reason}"})
        named = {entry.instance: entry for entry in self.named}
        return [_with_numbers(one, named.get(one.instance.instance)) if one.instance else one for one in kept]

    def _leave_out(self, is_dicom: bool) -> None:
        if not is_dicom:
            self.left_out += 1
            return
        label, reason = (
            "Other DICOM files",
            "Reports, plans, presentation states or icons: no slices.",
        )
        for entry in self.aside:
            if entry["label"] == label:
                entry["files"] += 1
                return
        self.aside.append({"label": label, "files": 1, "reason": reason})

    def _keep_dicom(self, one: Received, number: int) -> Kept:
        from ml.imaging.deidentify import dicom as deidentifier
        from ml.imaging.deidentify.pseudonym import pseudonym

        dataset = dicom_header.load(one.path, self.limits)
        unparsed = dicom_header.beside(dataset)  # the cleaner is quicker with what nobody has parsed yet
        self.instances.add(stripped(dataset, "SOPInstanceUID"))
        before = dicom_header.instance_of(dataset, self.limits)
        check_decodes(dataset, before)
        name = pseudonym(before.patient, before.issuer, self.key)
        deidentifier.deidentify(unparsed, name, may_show_text=before.may_show_text)
        digest = _sha256(one.path)
        deidentifier.write(unparsed, self.work / f"out-{number}", received_sha256=digest)
        after = dicom_header.instance_of(unparsed, self.limits)
        return Kept(
            one,
            number,
            digest,
            dicom_header.facts_of(after),
            instance=after,
            pseudonym=name,
            person=person_of(dataset),
        )

    def _under_one_pseudonym(self, kept: Sequence[Kept], pseudonym: str) -> None:
        """Give the patient's pseudonym to files that leave out who gave the number: by themselves they got another one."""
        from ml.imaging.deidentify import dicom as deidentifier

        for one in kept:
            if one.pseudonym in ("", pseudonym):
                continue
            path = self.work / f"out-{one.out}"
            dataset = dicom_header.load(path, self.limits)
            dataset.PatientID = dataset.PatientName = pseudonym
            deidentifier.write(dataset, path, received_sha256=one.sha256)

    def _keep_other(self, one: Received, number: int) -> Kept:
        from ml.imaging.deidentify import nifti as nifti_cleaner

        facts = headers.facts(one.path, self.limits)
        target = self.work / f"out-{number}"
        header = None
        if facts.format == "nifti":
            header = nifti.read_header(one.path, self.limits)
            if nifti_cleaner.is_clean(one.path, header):
                nifti_cleaner.copy(one.path, target)
            else:
                nifti_cleaner.clean(one.path, target, self.limits)
        else:
            from ml.imaging.deidentify import picture as picture_cleaner

            picture_cleaner.clean(one.path, target, facts.format)
        return Kept(one, number, _sha256(one.path), facts, header=header)

    def _nothing(self) -> UploadRefused:
        if self.first_refusal is not None:
            return self.first_refusal
        if self.aside:
            return UploadRefused(f"There is no series in it that is read here. {self.aside[0]['reason']}", 415)
        return UploadRefused("There is no image in it that is read here. Choose the folder with the slices.", 415)


def take_in(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request of `intake.take_in`: the plan, or which file is refused and why."""
    intake = Intake(request)
    try:
        return intake.run()
    except UploadRefused as refusal:
        return refused(refusal.sentence, refusal.status, intake.at if refusal.index is None else refusal.index)
    except MemoryError:
        return refused("The file needs too much memory to be opened. Export it smaller.", 413, intake.at)
    except OSError:
        raise  # the disk is full or away: no file is at fault
    except Exception:  # noqa: BLE001 - whatever else a file makes its reader raise, the file is at fault
        return refused("The file is damaged and could not be read. Export it again.", 400, intake.at)


def refused(sentence: str, status: int, index: int | None) -> dict[str, Any]:
    """The answer for an upload that is not taken in."""
    return {"refused": {"sentence": sentence, "status": status, "index": index}}


class _TooLongError(BaseException):
    """Not an Exception, because parsers catch those."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Give up on what is inside after so much processor time, and go on; only for what is Python all through."""

    def give_up(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, give_up)
    left = signal.setitimer(signal.ITIMER_PROF, seconds)[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, left)
        signal.signal(signal.SIGPROF, before)


def _with_numbers(one: Kept, entry: dicomdir.Entry | None) -> Kept:
    known = one.instance
    if known is None or entry is None:
        return one
    number = entry.number if known.number is None else known.number
    series_number = entry.series_number if known.series_number is None else known.series_number
    return replace(one, instance=replace(known, number=number, series_number=series_number))


def _start_timer(seconds: float) -> None:
    """End this process when the next file takes more processor time than this; 0 stops the timer."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _patient_of(kept: Sequence[Kept]) -> tuple[str, str | None]:
    """The pseudonym of the upload's one patient, and the day of the examination.

    Raises:
        UploadRefused: 400 where the files are two patients' (`are_several`).
    """
    if are_several(one.person for one in kept if one.person is not None):
        raise UploadRefused(TWO_PATIENTS)
    named = [one for one in kept if one.pseudonym]
    best = max(named, key=lambda one: one.person is not None and bool(one.person.issuer), default=None)
    days = sorted(
        {
            one.instance.acquired_on
            for one in kept
            if one.instance is not None and len(one.instance.acquired_on) == 8 and one.instance.acquired_on.isdigit()
        }
    )
    day = f"{days[0][:4]}-{days[0][4:6]}-{days[0][6:]}" if days else None
    return best.pseudonym if best is not None else "", day


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
