#!/bin/bash
# From trained weights to a finished, measured pack.
#   finish.sh INPUT WORK PACK DETECTOR.pt EMBEDDER.pt [OPTIONS OF calibrate.py]
# INPUT and WORK are all.sh's; of WORK only faces.npz, crops/9999.npz and scenes_check/ are used, the latter two made if they
# are missing. Further measures of evaluate.py come with MEASURE="--real DIR --colour DIR --measure SCRFD.onnx".
set -euo pipefail
input=$1 work=$2 pack=$3 detector=$4 embedder=$5
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
step() { "$python" "$here/$1.py" "${@:2}"; }
step crops --faces "$work/faces.npz" --teacher "$input/mobilefacenet.onnx" --out "$work/crops" --shards 0
step scenes --faces "$work/faces.npz" --backgrounds "$input/backgrounds" --out "$work/scenes_check" --shards 1 --size 640 --count 200 --check
mkdir -p "$pack"
step polish --embedder "$embedder" --crops "$work/crops" --out "$pack/polished.pt"
step export --detector "$detector" --embedder "$pack/polished.pt" --faces "$work/faces.npz" --out "$pack"
rm "$pack/polished.pt"
step calibrate --pack "$pack" --faces "$work/faces.npz" --check "$work/scenes_check" --backgrounds "$input/backgrounds" "${@:6}"
step evaluate --pack "$pack" --faces "$work/faces.npz" --check "$work/scenes_check" --backgrounds "$input/backgrounds" \
    --teacher "$input/mobilefacenet.onnx" --yunet "$input/yunet.onnx" ${MEASURE:-}
