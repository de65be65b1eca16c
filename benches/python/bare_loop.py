"""The floor under the engine: the same network in a bare loop, by Python and onnxruntime.

One session of one thread for each of N threads (a run releases the interpreter's lock), each fed the same input over and
over: nothing is gathered, normalised, decoded or answered. Prints one JSON object: {"runs": .., "seconds": ..}.
Needs `pip install onnxruntime numpy`.
"""

import argparse
import json
import threading
import time

import numpy
import onnxruntime


PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"})}


def session(graph: str, provider: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    made = onnxruntime.InferenceSession(graph, options, providers=[PROVIDERS[provider]])
    # It takes the processor and says nothing where a card does not start.
    assert made.get_providers()[0].lower().startswith(provider), made.get_providers()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph")
    parser.add_argument("--dims", required=True, help="dimensions of the input, such as 1,3,480,640")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--provider", choices=PROVIDERS, default="cpu")
    asked = parser.parse_args()

    sessions = [session(asked.graph, asked.provider) for _ in range(asked.threads)]
    port = sessions[0].get_inputs()[0]
    kind = numpy.uint8 if "uint8" in port.type else numpy.float32
    dims = [int(dim) for dim in asked.dims.split(",")]
    value = numpy.random.default_rng(1).integers(0, 255, dims).astype(kind)
    for each in sessions:
        each.run(None, {port.name: value})

    runs = [0] * asked.threads
    begun = time.perf_counter()

    def loop(number: int) -> None:
        while time.perf_counter() - begun < asked.seconds:
            sessions[number].run(None, {port.name: value})
            runs[number] += 1

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(asked.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"runs": sum(runs), "seconds": time.perf_counter() - begun}))


main()
