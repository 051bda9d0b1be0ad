#!/usr/bin/env bash
# Makes plates.onnx: training/make.sh WORK [THREADS]. It needs Debian 12, root for the fonts, and some hours of CPU.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mkdir -p "$1" && cd "$1" && pwd)
threads=${2:-1}

apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
  fonts-dejavu-core fonts-dejavu-extra fonts-liberation fonts-freefont-ttf fonts-roboto-unhinted fonts-open-sans \
  fonts-urw-base35 fonts-opendin fonts-routed-gothic fonts-bebas-neue fonts-cantarell fonts-b612 fonts-league-spartan \
  fonts-noto-cjk fonts-wqy-zenhei fonts-wqy-microhei
(
  mkdir -p "$work/debian" && cd "$work/debian"
  apt-get -q download torcs-data mate-backgrounds
  for package in *.deb; do dpkg-deb -x "$package" unpacked; done
)
[ -e "$work/venv" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q -r "$here/requirements.txt"

cd "$here"
run() { "$work/venv/bin/python" -m "platedetector.$1" "${@:2}"; }
train() { run train "$work/shards" "$work/weights.pt" --bf16 --threads "$threads" "$@"; }
run pictures "$work/debian/unpacked" "$work/pictures"
run generate "$work/shards" --pictures "$work/pictures" --shards 0 28
run generate "$work/shards" --pictures "$work/pictures" --shards 28 42 --hard 1
run generate "$work/shards" --pictures "$work/pictures" --shards 42 48 --hard 2
run generate "$work/shards" --pictures "$work/pictures" --shards 48 62 --hard 3
train --shards 0 8 --steps 500
for shards in 16 24 32 42 42 42; do
  train --shards 0 "$shards" --steps 500 --start "$work/weights.pt"
done
train --shards 0 42 --steps 5000 --fade 5000 --stop 3200 --start "$work/weights.pt"
train --shards 28 46 --rate 8e-4 --steps 3000 --fade 3000 --stop 1500 --start "$work/weights.pt"
train --shards 28 48 --rate 4e-4 --steps 2000 --fade 2000 --start "$work/weights.pt"
train --shards 36 62 --rate 6e-4 --steps 3500 --fade 3500 --start "$work/weights.pt"
run export "$work/weights.pt" "$work/plates.onnx"
