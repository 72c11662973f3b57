"""The worker with the real models of this checkout, from an uploaded phantom to its findings."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detection import storage
from detection.analysis.worker import AnalysisWorker
from detection.models import Analysis
from detection.models.analysis import State
from ml import weights
from tests.analysis.arrivals import arrived, picture
from tests.cast import alice, bob
from tests.phantoms import slice_picture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not (weights.FOLDER / "manifest.json").exists(), reason="no released models in this checkout"),
]


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


def test_an_attribution_map_is_made_only_where_it_is_asked_for() -> None:
    pytest.importorskip("tensorflow")
    from detection.management.commands.work import Explainer
    from ml.pipeline import Pipeline

    head = io.BytesIO()
    Image.fromarray(slice_picture(seed=3)[0]).save(head, "PNG")
    pipeline = Pipeline.load()
    (plain,) = arrived(alice(), head.getvalue())
    AnalysisWorker(lambda: pipeline).run(drain=True)
    (explained,) = arrived(bob(), head.getvalue())
    AnalysisWorker(lambda: pipeline, explain=Explainer()).run(drain=True)

    def geometry(analysis: Analysis) -> dict[str, Any]:
        with storage.open_derived(analysis.pk, "volume.json") as file:
            return dict(json.load(file))

    assert not geometry(plain)["heat"]
    with pytest.raises(FileNotFoundError):
        storage.open_derived(plain.pk, "heat.gz")
    assert geometry(explained)["heat"]
    with storage.open_derived(explained.pk, "heat.gz") as file:
        heat = np.frombuffer(gzip.decompress(file.read()), np.uint8)
    columns, rows, slices = geometry(explained)["dims"]
    assert heat.size == columns * rows * slices
    assert heat.max() > 100
    plain.refresh_from_db()
    explained.refresh_from_db()
    assert plain.findings is not None
    assert explained.findings is not None
    assert plain.findings["slices"] == explained.findings["slices"]
