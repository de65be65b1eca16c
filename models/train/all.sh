#!/bin/bash
# The whole training, from photos to a finished pack. Every step goes on where it was when the command is repeated.
#   all.sh INPUT WORK PACK [DEVICE [JOBS [SHARDS [CROPS [SCENES]]]]]
# INPUT holds faces/ (portraits), backgrounds/, yunet.onnx and mobilefacenet.onnx.
# START=EMBEDDER.onnx lets the embedder begin with an earlier pack's weights instead of from nothing.
# Two processor cores: all.sh INPUT WORK PACK cpu 2 16 1500000 150000
# A GPU and 16 cores, under 25 minutes in all: all.sh INPUT WORK PACK cuda 16 48 5000000 300000
set -euo pipefail
input=$1 work=$2 pack=$3 device=${4:-cpu} jobs=${5:-2} shards=${6:-16} crops=${7:-1500000} scenes=${8:-150000}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
mkdir -p "$work"
step() { "$python" "$here/$1.py" "${@:2}"; }
[ -e "$work/faces.npz" ] || step faces --photos "$input/faces" --yunet "$input/yunet.onnx" --out "$work/faces.npz" --jobs "$jobs"
for ((k = 0; k < jobs; k++)); do
    step crops --faces "$work/faces.npz" --teacher "$input/mobilefacenet.onnx" --out "$work/crops" --shards "$shards" --first "$k" --step "$jobs" &
done
wait
for ((k = 0; k < jobs; k++)); do
    step scenes --faces "$work/faces.npz" --backgrounds "$input/backgrounds" --out "$work/scenes" --shards 24 --first "$k" --step "$jobs" &
done
wait
step scenes --faces "$work/faces.npz" --backgrounds "$input/backgrounds" --out "$work/scenes" --shards 3 --size 640 --count 256 &
step scenes --faces "$work/faces.npz" --backgrounds "$input/backgrounds" --out "$work/scenes_check" --shards 1 --size 640 --count 200 --check &
wait
step train_embedder --faces "$work/faces.npz" --crops "$work/crops" --out "$work/embedder" --samples "$crops" --device "$device" --threads "$jobs" \
    ${START:+--start "$START"}
step train_detector --scenes "$work/scenes" --check "$work/scenes_check" --out "$work/detector" --samples "$scenes" --device "$device" --threads "$jobs"
step polish --embedder "$work/embedder/average.pt" --crops "$work/crops" --out "$work/embedder/polished.pt"
step export --detector "$work/detector/average.pt" --embedder "$work/embedder/polished.pt" --faces "$work/faces.npz" --out "$pack"
step calibrate --pack "$pack" --faces "$work/faces.npz" --check "$work/scenes_check" --backgrounds "$input/backgrounds"
step evaluate --pack "$pack" --faces "$work/faces.npz" --check "$work/scenes_check" --backgrounds "$input/backgrounds" \
    --teacher "$input/mobilefacenet.onnx" --yunet "$input/yunet.onnx"
