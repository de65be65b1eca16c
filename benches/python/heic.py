"""libheif (through pillow-heif) and ffmpeg's decoder of HEVC (through PyAV): decode a HEIC a number of times on one thread and print the
least processor milliseconds of each as JSON. A helper of the bench `heic`."""

import collections
import json
import sys
import time


def libheif(path):
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    begun = time.process_time()
    picture = pillow_heif.open_heif(path)
    len(picture.data)
    return time.process_time() - begun


def ffmpeg(path):
    import av

    with av.open(path) as container:
        packets = [packet for packet in container.demux(list(container.streams.video)) if packet.size]
        # Thumbnails and maps have other sizes than tiles.
        sizes = [(packet.stream.width, packet.stream.height) for packet in packets]
        tiles = collections.Counter(sizes).most_common(1)[0][0]
        packets = [packet for packet, size in zip(packets, sizes) if size == tiles]
        for packet in packets:
            packet.stream.codec_context.thread_count = 1
        begun = time.process_time()
        for packet in packets:
            packet.stream.codec_context.decode(packet)
            packet.stream.codec_context.decode(None)
        return time.process_time() - begun


def main():
    path, rounds = sys.argv[1], int(sys.argv[2])
    answer = {}
    for decode in (libheif, ffmpeg):
        try:
            answer[decode.__name__] = min(decode(path) for _ in range(rounds)) * 1e3
        except Exception as error:  # not installed, or it does not read the file
            print(f"{decode.__name__}: {error}", file=sys.stderr)
    json.dump(answer, sys.stdout)


main()
