"""A short run in every `make test`; `make fuzz` runs the same for minutes, and with coverage to guide it.

`FUZZ_EXAMPLES` says how many broken files each property gets.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import properties
from tests.fuzz.mutations import broken_files, flipped_headers
from tests.fuzz.seeds import NAMES, seeds

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
RUN = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.mark.timeout(0)
@RUN
@given(broken_files())
def test_every_reader_answers_with_a_volume_or_a_sentence(content: bytes) -> None:
    properties.reading_answers(content)


@pytest.mark.timeout(0)
@RUN
@given(broken_files())
def test_what_is_stored_of_a_broken_file_names_nobody(content: bytes) -> None:
    properties.nobody_is_named(content)


@pytest.mark.timeout(0)
@RUN
@given(flipped_headers())
def test_one_bit_of_a_header(content: bytes) -> None:
    properties.reading_answers(content)
    properties.nobody_is_named(content)


@RUN
@given(st.binary(max_size=600))
def test_any_bytes_at_all(content: bytes) -> None:
    properties.reading_answers(content)
    properties.nobody_is_named(content)


@pytest.mark.parametrize("name", sorted(seeds()))
def test_every_seed_is_taken_and_names_nobody(name: str) -> None:
    content = seeds()[name]
    if not name.endswith((".bmp", ".zip", ".gz")) and name != "deflated.dcm":
        assert any(planted.encode() in content for planted in NAMES)
    properties.nobody_is_named(content)
    properties.reading_answers(content)
