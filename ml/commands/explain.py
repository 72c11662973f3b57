"""`python -m ml explain INPUT --out DIR`: where the classifier's answer comes from, a grey PNG a slice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="a file or a folder, as for predict")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where INDEX.png go, a slice each")
    parser.add_argument("--models", type=Path, metavar="DIR", help="weights and manifest (default: models/)")


def run(arguments: argparse.Namespace) -> int:
    """Explain one input. Gives 0, 1 when it cannot be read, or 2 when models or the folder for results cannot be used."""
    from PIL import Image

    from ml import weights
    from ml.attribution import Attribution
    from ml.imaging import readers
    from ml.imaging.errors import ImagingError

    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        attribution = Attribution.load(arguments.models or weights.FOLDER)
        heat = attribution(readers.read([arguments.input]))
    except ImagingError as fault:
        print(f"python -m ml explain: {fault.sentence}", file=sys.stderr)
        return 2 if isinstance(fault, weights.WeightsFault) else 1
    except OSError as error:
        print(f"python -m ml explain: {arguments.out} cannot be made: {error.strerror}.", file=sys.stderr)
        return 2
    for index, picture in enumerate(heat):
        Image.fromarray(picture).save(arguments.out / f"{index}.png")
    print("White is what speaks most for a tumour to the classifier. It is coarse, and no proof that one is there.")
    return 0
