"""Re-encode the portraits so that all input of the training takes less than 60 MB, to carry it to a machine with a GPU.

One command:  python small_input.py --photos DIR --out DIR [--side 200] [--quality 80]"""
import argparse
import os

import cv2


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--photos", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--side", type=int, default=200)
    a.add_argument("--quality", type=int, default=80)
    a = a.parse_args()
    os.makedirs(a.out, exist_ok=True)
    total = 0
    for file in sorted(os.listdir(a.photos)):
        grey = cv2.imread(os.path.join(a.photos, file), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            continue
        grey = cv2.resize(grey, (a.side, a.side), interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, a.quality])[1].tobytes()
        total += len(data)
        with open(os.path.join(a.out, file), "wb") as f:
            f.write(data)
    print(f"{total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
