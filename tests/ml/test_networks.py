"""The networks are exactly what they are said to be, layer by layer."""

import keras
import numpy as np
import pytest
from keras import layers

from ml import weights
from ml.networks.classifier import classifier
from ml.networks.norm import FusedBatchNormalization, fold
from ml.networks.unet import SUREST, unet
from ml.training import segmenter


def convolutions(model: keras.Model) -> list[layers.Conv2D]:
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


@pytest.fixture(scope="module")
def classifying() -> keras.Model:
    return classifier()


@pytest.fixture(scope="module")
def outlining() -> keras.Model:
    return unet()


class TestTheClassifier:
    def test_takes_a_picture_and_gives_two_neurons(self, classifying: keras.Model) -> None:
        assert classifying.input_shape == (None, 256, 256, 3)
        assert classifying.output_shape == (None, 2)

    def test_has_six_convolutions_one_dense_layer_and_two_neurons(self, classifying: keras.Model) -> None:
        assert [layer.filters for layer in convolutions(classifying)] == [16, 32, 64, 96, 128, 160]
        assert [layer.units for layer in classifying.layers if isinstance(layer, layers.Dense)] == [96, 2]

    def test_pools_between_its_convolutions(self, classifying: keras.Model) -> None:
        sides = [layer.output.shape[1] for layer in convolutions(classifying)]
        assert sides == [128, 128, 64, 32, 16, 8]

    def test_has_no_other_weights_than_those_and_their_normalisation(self, classifying: keras.Model) -> None:
        kinds = {type(layer) for layer in classifying.layers if layer.weights}
        assert kinds == {layers.Conv2D, FusedBatchNormalization, layers.Dense}

    def test_learns_the_place_of_the_tumour_only_in_training(self) -> None:
        model = classifier(side=128, place=True)
        assert [output.shape for output in model.outputs] == [(None, 2), (None, 8, 8, 1)]


class TestTheUNet:
    def test_takes_a_picture_and_gives_one_outline(self, outlining: keras.Model) -> None:
        assert outlining.input_shape == (None, 256, 256, 3)
        assert outlining.output_shape == (None, 256, 256, 1)

    def test_has_four_blocks_down_a_bottleneck_and_four_up(self, outlining: keras.Model) -> None:
        blocks = [layer.name for layer in convolutions(outlining) if layer.name.endswith("_conv_a")]
        assert [name.removesuffix("_conv_a") for name in blocks] == [
            "down1", "down2", "down3", "down4", "bottleneck", "up4", "up3", "up2", "up1",
        ]  # fmt: skip
        pools = [layer for layer in outlining.layers if isinstance(layer, layers.MaxPooling2D)]
        assert [layer.name for layer in pools] == [f"down{number}_pool" for number in (1, 2, 3, 4)]
        assert outlining.get_layer("bottleneck_conv_b").output.shape == (None, 10, 10, 256)

    def test_each_block_up_joins_the_block_down_of_its_size(self, outlining: keras.Model) -> None:
        for number in (1, 2, 3, 4):
            joined = outlining.get_layer(f"up{number}_skip").input
            down = outlining.get_layer(f"down{number}_conv_b_relu").output
            assert joined[0] is down
            assert joined[1].shape == down.shape

    def test_ends_with_one_convolution_and_an_output_convolution(self, outlining: keras.Model) -> None:
        refine, outlines = convolutions(outlining)[-2:]
        assert (refine.name, refine.kernel_size, refine.filters) == ("refine", (3, 3), 16)
        assert (outlines.name, outlines.kernel_size, outlines.filters) == ("outlines", (1, 1), 1)
        assert outlining.output.dtype == "float32"

    @pytest.mark.parametrize("surest", [0.0, 20.0])
    def test_enlarges_log_odds_at_work_as_in_training(self, surest: float) -> None:
        small, whole = unet(side=None), unet()
        weights.fill(whole, weights.take(small))
        for network in (small, whole):
            kernel, _ = network.get_layer("outlines").get_weights()
            network.get_layer("outlines").set_weights([kernel, np.array([surest])])
        pictures = np.random.default_rng(4).integers(0, 256, (2, 256, 256, 3), np.uint8)
        found = whole(pictures / np.float32(255))
        np.testing.assert_allclose(segmenter.outliner(small, 160)(pictures), found, atol=1e-4)
        assert np.asarray(found).max() <= 1 / (1 + np.exp(-SUREST)) + 1e-6


class TestFolding:
    def test_a_folded_network_answers_as_the_trained_one(self) -> None:
        trained = classifier()
        random = np.random.default_rng(1)
        for layer in trained.layers:
            if isinstance(layer, FusedBatchNormalization):
                layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
        picture = random.random((2, 256, 256, 3), np.float32)
        folded = classifier(folded=True)
        weights.fill(folded, fold(weights.take(trained)))
        assert not any(isinstance(layer, FusedBatchNormalization) for layer in folded.layers)
        np.testing.assert_allclose(folded(picture), trained(picture, training=False), rtol=1e-3, atol=1e-4)

    def test_fused_normalisation_trains_as_keras_own(self) -> None:
        picture = np.random.default_rng(2).random((4, 8, 8, 3), np.float32)
        ours, theirs = FusedBatchNormalization(momentum=0.9), layers.BatchNormalization(momentum=0.9)
        np.testing.assert_allclose(ours(picture, training=True), theirs(picture, training=True), atol=1e-4)
        np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, atol=1e-5)
