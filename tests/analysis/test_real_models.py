"""The worker with the real models of this checkout, from an uploaded phantom to its findings."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from detection import storage
from detection.analysis.worker import AnalysisWorker
from detection.models import Analysis
from detection.models.analysis import State
from ml import weights
from tests.analysis.arrivals import arrived, picture
from tests.cast import alice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(not (weights.FOLDER / "manifest.json").exists(), reason="no released models in this checkout")
def test_an_uploaded_picture_is_analysed() -> None:
    pytest.importorskip("tensorflow")
    from ml.pipeline import Pipeline

    (analysis,) = arrived(alice(), picture(180, rows=200, columns=160))
    AnalysisWorker(Pipeline.load).run(drain=True)
    analysis = Analysis.objects.get(pk=analysis.pk)
    assert analysis.state in (State.DONE, State.REFUSED)
    assert analysis.weights == weights.read_manifest(weights.FOLDER)["files"]
    assert analysis.findings is not None
    assert analysis.findings["verdict"] == analysis.verdict
    assert set(analysis.findings["thresholds"]) == {"nothing_below", "tumour_from"}
    with storage.open_derived(analysis.pk, "0-mask.png") as file:
        assert Image.open(io.BytesIO(file.read())).size == (160, 200)
