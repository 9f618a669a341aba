#!/usr/bin/env bash
# Executes all notebooks without a browser, in a fresh kernel each; a cell that fails fails it. setup.sh comes first.
#
#	bash examples/notebooks/execute.sh           writes the outputs into the notebooks
#	bash examples/notebooks/execute.sh FOLDER    leaves the notebooks alone and writes executed copies to FOLDER
set -euo pipefail

folder=${1:-}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")"

for notebook in *.ipynb; do
	jupyter nbconvert --to notebook --execute --output-dir "${folder:-.}" --output "$notebook" \
		--ExecutePreprocessor.timeout=600 --ExecutePreprocessor.record_timing=False "$notebook"
done
