"""What a message says: that something is ready, to whom it goes; never a name, a reference or a finding."""

from __future__ import annotations

import pytest

from detection.analysis import services as analyses
from detection.models import Analysis, Delivery, User
from detection.models.delivery import Recipient
from detection.sms.message import compose
from ml.findings import Verdict
from tests import rows
from tests.cast import alice
from tests.sms.senders import PHONE, wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor() -> User:
    return alice()


@pytest.mark.parametrize("verdict", [Verdict.TUMOUR, Verdict.NO_TUMOUR, Verdict.UNCERTAIN, Verdict.REFUSED])
@pytest.mark.parametrize("recipient", Recipient.values)
def test_the_same_words_whatever_was_found(doctor: User, verdict: Verdict, recipient: str) -> None:
    delivery = wanted(doctor, Recipient(recipient))
    rows.analysed(delivery.study, verdict)
    message = compose(delivery)
    assert message.to == PHONE
    assert message.body in (
        "Brainscan: a result is ready. Sign in to read it.",
        "Your doctor has released a result for you. Please contact the practice to talk about it.",
    )
    for secret in ("Smith", "alice", "tumour", "suspicious", "brain scan", "MRI", "cancer"):
        assert secret.lower() not in message.body.lower()


def test_ready_is_not_said_of_an_analysis_that_failed(doctor: User) -> None:
    delivery = wanted(doctor)
    (analysis,) = analyses.claim(worker="w", limit=1)
    analyses.fail(analysis, "The file is damaged.")
    assert "could not be completed" in compose(Delivery.objects.get()).body
    assert Analysis.objects.get().scan.study == delivery.study


@pytest.mark.parametrize("recipient", Recipient.values)
def test_it_fits_one_part_of_a_text_message(doctor: User, recipient: str) -> None:
    body = compose(wanted(doctor, Recipient(recipient))).body
    assert len(body) <= 160
    assert body.isascii()
