"""Two people in one upload stop it where the files say so; one person written in two ways does not."""

from __future__ import annotations

import logging

import pydicom
import pytest

from ml.imaging.errors import UploadRefused
from ml.imaging.headers.patient import Person, are_several, names_in, person_of
from ml.imaging.intake_child import TWO_PATIENTS
from tests import phantoms, phantoms_dicom
from tests.imaging.door import taken_in, volume_of

HEAD = phantoms.volume(slices=2, size=64)[0]


def person(number: str = "", name: str = "", born: str = "", sex: str = "", issuer: str = "") -> Person:
    dataset = pydicom.Dataset()
    dataset.PatientID, dataset.PatientName, dataset.PatientSex = number, name, sex
    dataset.PatientBirthDate, dataset.IssuerOfPatientID = born, issuer
    return person_of(dataset)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"number": "A"}, {"number": "B"}),
        ({"number": "abc1"}, {"number": "ABC1"}),
        ({"number": "A", "issuer": "H1"}, {"number": "A", "issuer": "H2"}),
        ({"number": "A", "born": "19610203"}, {"number": "A", "born": "19990909"}),
        ({"number": "A", "born": "19610203"}, {"born": "1999.09.09"}),
        ({"number": "EMX", "name": "Zzyzx^Quentin"}, {"name": "Other^Man"}),
        ({"name": "Zzyzx^Quentin"}, {"name": "Other^Man"}),
        ({"name": "Zzyzx^Quentin^^Dr"}, {"name": "Other^Man^^Dr"}),
        ({"name": "Zzyzx^Q^A"}, {"name": "Other^Man^A"}),
        ({"name": "Yamada^Tarou=山田^太郎"}, {"name": "Satou^Jirou=佐藤^次郎"}),
        ({"name": "Nowak^Anna", "sex": "F"}, {"name": "Nowak^Piotr", "sex": "M"}),
    ],
)
def test_these_are_two_people(one, other):
    assert are_several([person(**one), person(**other)])
    assert are_several([person(**other), person(**one), person(**one)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"number": " A "}, {"number": "A"}),
        ({"number": "A"}, {"name": "Zzyzx^Quentin", "born": "19610203"}),
        ({"number": "A", "issuer": "H1"}, {"number": "A"}),
        (
            {"number": "A", "name": "Zzyzx^Q", "born": "19610203"},
            {"number": "A", "name": "Married^Q", "born": "19610203"},
        ),
        ({"number": "A", "name": "Unknown^Man"}, {"number": "A", "name": "Zzyzx^Quentin", "born": "19610203"}),
        ({"number": "A", "sex": "F"}, {"number": "A", "sex": "M"}),
        ({"number": "A", "born": "1961.02.03"}, {"number": "A", "born": "19610203"}),
        ({"number": "A", "born": "19610203"}, {"number": "A", "born": "19000101"}),
        ({"number": "A", "born": "19610203"}, {"number": "A", "born": "19610000"}),
        ({"name": "Zzyzx^Quentin"}, {"name": "ZZYZX^QUENTIN^^^"}),
        ({"name": "Zzyzx^Quentin"}, {"name": "Quentin Zzyzx"}),
        ({"name": "Zzyzx^Quentin^Albert"}, {"name": "Zzyzx^Q."}),
        ({"name": "Zzyzx^Quentin"}, {"name": "zzyzx-smith, Q"}),
        ({"name": "SmithJohn"}, {"name": "Smith^John"}),
        ({"name": "O'Brien"}, {"name": "OBRIEN"}),
        ({"name": "Müller"}, {"name": "MULLER"}),
        ({"name": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {"name": "山田^太郎"}),
        ({"name": "Zzyzx^Quentin"}, {"name": "Anonymous"}),
        ({"name": "Zzyzx^Quentin"}, {"name": "^^^^"}),
        ({"name": "Zzyzx^Quentin", "sex": "M"}, {"name": "Zzyzx^Quentin", "sex": "O"}),
    ],
)
def test_these_may_be_one(one, other):
    assert not are_several([person(**one), person(**other)])
    assert not are_several([person(**other), person(**one)])


def test_a_person_is_not_told_by_accident():
    assert repr(person("EMX", "Zzyzx^Quentin", "19610203", "F", "H1")) == "Person()"
    assert names_in("Zzyzx^Q") == {"zzyzx"}


def test_at_the_door_an_empty_number_hides_no_second_person(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    one = phantoms_dicom.series(HEAD, PatientID="EMX", PatientName="Zzyzx^Quentin", PatientBirthDate="19610203")
    other = phantoms_dicom.series(HEAD, PatientID="", PatientName="Other^Man", PatientBirthDate="19990909")
    with pytest.raises(UploadRefused) as refusal:
        taken_in(tmp_path, [*one, *other])
    assert (refusal.value.status, refusal.value.sentence) == (400, TWO_PATIENTS)
    assert not any(word in caplog.text for word in ("Zzyzx", "Quentin", "Other", "EMX", "1961", "1999"))


def test_two_issuers_in_one_series_stop_it(tmp_path):
    datasets = phantoms_dicom.series(HEAD, IssuerOfPatientID="HOSP1")
    datasets[1].IssuerOfPatientID = "HOSP2"
    with pytest.raises(UploadRefused, match="more than one patient"):
        taken_in(tmp_path, datasets)


def test_an_issuer_that_some_slices_leave_out_keeps_the_series_whole(tmp_path):
    datasets = phantoms_dicom.series(HEAD)
    datasets[1].IssuerOfPatientID = "HOSP2"
    plan = taken_in(tmp_path, datasets)
    assert len(volume_of(plan)) == len(HEAD)
    stored = [pydicom.dcmread(file.path) for file in plan.scans[0].files]
    assert {str(each.PatientID) for each in stored} == {str(each.PatientName) for each in stored} == {plan.pseudonym}
