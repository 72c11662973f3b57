"""The fields beside the files."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from django import forms
from django.conf import settings

from detection.models.delivery import Recipient
from detection.models.study import REFERENCE_LENGTH, no_control_characters
from detection.uploads.services import SmsRequest

# Ofcom keeps these for films and examples, so libphonenumber knows no such number; people try Brainscan out with them.
EXAMPLES = re.compile(r"\+447700900\d{3}")
TOO_LONG = f"At most {REFERENCE_LENGTH} characters."
REASONS = {
    phonenumbers.ValidationResult.TOO_SHORT: "The number is too short.",
    phonenumbers.ValidationResult.TOO_LONG: "The number is too long.",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "There is no such country code.",
}


class NewScanForm(forms.Form):
    """Reference and text message of one upload. The files are looked at by `services.receive`."""

    patient_reference = forms.CharField(
        required=False,
        strip=True,
        max_length=REFERENCE_LENGTH,
        validators=[no_control_characters],
        error_messages={"max_length": TOO_LONG},
    )
    as_series = forms.BooleanField(required=False)
    folders = forms.RegexField(
        regex=r"^(\d{1,4})?(,(\d{1,4})?)*$",
        required=False,
        strip=True,
        max_length=30_000,
        error_messages={
            "invalid": "The list of folders is damaged. Load the page again.",
            "max_length": "The list of folders is too long. Choose one folder at a time.",
        },
    )
    phone = forms.CharField(required=False, strip=True, max_length=40, error_messages={"max_length": REASONS[3]})
    recipient = forms.ChoiceField(
        required=False,
        choices=Recipient.choices,
        error_messages={"invalid_choice": "Choose who gets the message: the clinician or the patient."},
    )
    consent = forms.BooleanField(required=False)

    def clean_folders(self) -> list[int | None]:
        """Which chosen folder each file came from, such as "0,0,,1"; empty where none was said."""
        text: str = self.cleaned_data["folders"]
        return [int(number) if number else None for number in text.split(",")] if text else []

    def clean_phone(self) -> str:
        """The number in E.164 form, or empty."""
        typed: str = self.cleaned_data["phone"]
        if not typed:
            return ""
        region = settings.PHONENUMBER_DEFAULT_REGION
        try:
            number = phonenumbers.parse(typed, region)
        except phonenumbers.NumberParseException:
            raise forms.ValidationError("This is not a phone number. Write it like +44 7700 900123.") from None
        reason = REASONS.get(
            phonenumbers.is_possible_number_for_type_with_reason(number, phonenumbers.PhoneNumberType.MOBILE)
        )
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if not phonenumbers.is_valid_number(number) and not EXAMPLES.fullmatch(e164):
            raise forms.ValidationError(reason or "There is no such number. Check its digits and its country code.")
        return e164

    def clean_recipient(self) -> str:
        """The clinician, unless somebody chose otherwise."""
        return self.cleaned_data["recipient"] or Recipient.CLINICIAN

    def clean(self) -> dict[str, Any]:
        """A patient's message needs a number and the patient's consent."""
        data = super().clean() or {}
        if data.get("recipient") == Recipient.PATIENT:
            if not data.get("consent"):
                self.add_error("consent", "The patient has to agree before a message may be sent.")
            if "phone" in data and not data["phone"]:
                self.add_error("phone", "Write the patient's number, or choose the clinician and leave it empty.")
        return data

    def sms(self) -> SmsRequest | None:
        """The text message that was asked for, if any. Only after `is_valid`."""
        data = self.cleaned_data
        if not data["phone"]:
            return None
        return SmsRequest(phone=data["phone"], recipient=Recipient(data["recipient"]), consent=data["consent"])
