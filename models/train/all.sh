#!/bin/bash
# The whole training on a machine without a GPU, from photos to a finished pack. Every step goes on where it was when the
# command is repeated.
#   all.sh INPUT WORK PACK [JOBS [SHARDS [CROPS [SCENES]]]]
# INPUT holds faces/ (portraits), backgrounds/, yunet.onnx and mobilefacenet.onnx.
# START=EMBEDDER.onnx lets the embedder begin with an earlier pack's weights instead of from nothing.
set -euo pipefail
input=$1 work=$2 pack=$3 jobs=${4:-2} shards=${5:-16} crops=${6:-1500000} scenes=${7:-150000}
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
step train_embedder --faces "$work/faces.npz" --crops "$work/crops" --out "$work/embedder" --samples "$crops" --threads "$jobs" ${START:+--start "$START"}
step train_detector --scenes "$work/scenes" --check "$work/scenes_check" --out "$work/detector" --samples "$scenes" --threads "$jobs"
"$here/finish.sh" "$input" "$work" "$pack" "$work/detector/average.pt" "$work/embedder/average.pt"
