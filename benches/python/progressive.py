"""Writes a JPEG again as a progressive one, with libjpeg's usual script of ten scans, quality 90, to the standard output.
The second argument is the subsampling as Pillow names it. A helper of the bench `decode`."""

import io
import sys

from PIL import Image


def main():
    path, subsampling = sys.argv[1], sys.argv[2]
    picture = Image.open(path)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, progressive=True, subsampling=subsampling)
    sys.stdout.buffer.write(file.getvalue())


main()
