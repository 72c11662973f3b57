"""Training, and all that chooses numbers: folders and splits, augmentation, the loop, the release."""

from ml import processor

processor.use_onednn()  # before a module of this package imports TensorFlow, whoever imports it first
