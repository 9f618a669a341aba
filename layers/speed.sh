#!/usr/bin/env bash
# Measures training steps and prints our columns of README.md's tables of speed, one for each number of threads:
#	bash layers/speed.sh [rounds]
# Medians of so many rounds, 3 if not given, that take the networks in turn. THREADS="1 2", NETWORKS="mlp1 cnn2" and
# STEPS=20 (in a round) say otherwise than the defaults. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-3}
networks=${NETWORKS:-mlp1 mlp3 cnn1 cnn2 resnet18 vgg11 gpt vit}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go test -c -o "$folder/layers.test" .
for threads in ${THREADS:-1 2}; do
	for _ in $(seq "$rounds"); do
		for network in $networks; do
			GOMAXPROCS=$threads "$folder/layers.test" -test.run '^$' -test.bench "Step/$network\$" -test.benchtime "${STEPS:-10}x"
		done
	done | grep '^Benchmark' >"$folder/lines"
	printf '\n%s thread(s)\n\n| network | none / layer / all, ms | bytes allocated |\n|---|---|---|\n' "$threads"
	for network in $networks; do
		row=
		for noise in none layer all; do
			row="$row / $(awk -v name="BenchmarkStep/$network/$noise" '{sub(/-[0-9]+$/, "", $1)} $1 == name {print $3 / 1e6}' "$folder/lines" |
				sort -n | awk '{x[NR] = $1} END {printf "%.3g", x[int((NR + 1) / 2)]}')"
		done
		bytes=$(awk -v name="BenchmarkStep/$network/" 'index($1, name) == 1 {for (i = 2; i <= NF; i++) if ($i == "B/op") b = $(i - 1)} END {printf "%d", b / 1000}' "$folder/lines")
		echo "| $network | ${row# / } | $bytes KB |"
	done
done
