#!/usr/bin/env bash
# Measures what ranks gain and what their exchange costs, and prints a table of README.md:
#	bash optim/distributed/speed.sh [rounds]
# On two ranks of this machine, or with HOSTS=2 on two hosts that are namespaces of its network, whose cables have a rate of RATE
# (1gbit). NETWORKS="MLP1 CNN2" takes some only.
set -euo pipefail
cd "$(dirname "$0")"
. ./hosts.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export LAYERNOISE_TEST_SPEED=${1:-9} LAYERNOISE_TEST_NETWORKS=${NETWORKS:-}
folder=$(mktemp -d)
trap 'hosts_down; rm -rf "$folder"' EXIT
go test -c -o "$folder/speed" .
if [ -z "${HOSTS:-}" ]; then
	mpirun.openmpi --bind-to none -np 2 "$folder/speed" -test.run TestSpeed
else
	hosts_up
	"$folder/agent" host0 mpirun.openmpi --bind-to none --mca plm_rsh_agent "$folder/agent" \
		--mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 -host host0,host1 -np 2 "$folder/speed" -test.run TestSpeed
fi
