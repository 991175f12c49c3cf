#!/usr/bin/env bash
# Resolve pyproject.toml into the locked environments of this folder. Needs uv.
#   cpu-pyXY.txt   what `qfb` needs on a machine without a GPU
#   dev-pyXY.txt   the same plus tests, lint and the CUDA compiler for the PTX check
#   gpu-pyXY.txt   the same as cpu plus RAPIDS 26.10 for CUDA 13
#   peers-pyXY.txt the same as cpu plus what the benchmarks compare with
set -euo pipefail
export UV_PYTHON_DOWNLOADS=never
cd "$(dirname "$0")/.."
for python in 3.11 3.12; do
  lock() { # name, then uv's own flags
    uv pip compile pyproject.toml --python-version "$python" --python-platform x86_64-manylinux_2_28 \
      --no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade "${@:2}" \
      -o "env/$1-py${python/./}.txt" >/dev/null
  }
  lock gpu --extra gpu
  # the CPU sets take their versions from the GPU set: one environment, two backends
  lock cpu -c "env/gpu-py${python/./}.txt"
  lock dev -c "env/gpu-py${python/./}.txt" --group test --group lint
  lock peers -c "env/gpu-py${python/./}.txt" --extra peers
done
