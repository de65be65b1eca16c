"""Takes a graphics card's memory but for so many MiB, and keeps it until its standard input is closed.

It speaks to CUDA's driver library alone, and prints one line once it has what it wants: {"free_mib": ..}.
"""

import argparse
import ctypes
import json
import sys

MIB = 1 << 20


def check(result: int, what: str) -> None:
    if result != 0:
        sys.exit(f"{what}: CUDA error {result}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leave", type=int, default=256, help="MiB that stay free")
    asked = parser.parse_args()

    cuda = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    check(cuda.cuInit(0), "cuInit")
    check(cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
    check(cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device), "cuCtxCreate")

    free, total = ctypes.c_size_t(), ctypes.c_size_t()

    def left() -> int:
        check(cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)), "cuMemGetInfo")
        return free.value

    # In pieces, since what is free need not lie in one place; in small ones at the end.
    piece = 1024 * MIB
    while piece >= 2 * MIB:
        pointer = ctypes.c_uint64()
        if left() < asked.leave * MIB + piece or cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(piece)) != 0:
            piece //= 2
    print(json.dumps({"free_mib": left() // MIB}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
