"""C libjpeg-turbo, through Pillow: decodes a JPEG a number of times at 1/1, 1/4 and 1/8 and prints the least
processor milliseconds of each as JSON. A helper of the bench `decode`."""

import io
import json
import sys
import time

from PIL import Image, features


def least(data, scale, rounds):
    best = None
    for _ in range(rounds):
        begun = time.process_time()
        picture = Image.open(io.BytesIO(data))
        if scale > 1:
            picture.draft(None, (picture.width // scale, picture.height // scale))
        picture.load()
        took = (time.process_time() - begun) * 1e3
        best = took if best is None else min(best, took)
    return best


def main():
    path, rounds = sys.argv[1], int(sys.argv[2])
    with open(path, "rb") as file:
        data = file.read()
    json.dump(
        {
            "turbo": features.version("libjpeg_turbo"),
            "ms": {str(scale): least(data, scale, rounds) for scale in (1, 4, 8)},
        },
        sys.stdout,
    )


main()
