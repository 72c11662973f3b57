"""As the pages write them (`templatetags.brainscan.moment`): `24 Nov 2025, 11:20`."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
