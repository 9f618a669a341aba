#!/usr/bin/env bash
# Starts the tests of this package as the ranks of Open MPI and of MPICH, on this machine and on three hosts that are
# namespaces of its network, also 1 ms away from each other: bash optim/distributed/test.sh
# Installs both libraries where it is root of a Debian. Fails where a launcher is missing. RANKS="2 4" takes other numbers.
set -euo pipefail
cd "$(dirname "$0")"
. ./hosts.sh

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
	for package in openmpi-bin mpich iproute2; do
		dpkg -s "$package" >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$package" >/dev/null
	done
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
folder=$(mktemp -d)
trap 'hosts_down; rm -rf "$folder"' EXIT
go test -c -o "$folder/ranks" .
ranks=("$folder/ranks" -test.run TestLaunched -test.v)

# The launchers, by name: -here on this machine; -alone, where a rank that dies does not end the others, so that it is this
# package that has to; -hosts on three hosts, alone too. (MPICH's kills the others on the dead one's host by SIGUSR1, come what may.)
launch() { # launcher, number of ranks, command
	local launcher=$1 n=$2
	shift 2
	case $launcher in
	openmpi-here) mpirun.openmpi --bind-to none -np "$n" "$@" ;;
	mpich-here) mpiexec.hydra -n "$n" "$@" ;;
	openmpi-alone) mpirun.openmpi --bind-to none --enable-recovery -np "$n" "$@" ;;
	openmpi-hosts)
		"$folder/agent" host0 mpirun.openmpi --bind-to none --enable-recovery --mca plm_rsh_agent "$folder/agent" \
			--mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 -host host0,host1,host2 -np "$n" "$@"
		;;
	mpich-hosts) # UCX would see that all are one machine, and take its memory. A launcher that SIGPIPE ends passes nothing on.
		trap '' PIPE
		"$folder/agent" host0 UCX_TLS=tcp mpiexec.hydra -disable-auto-cleanup -launcher ssh -launcher-exec "$folder/agent" \
			-hosts host0,host1,host2 -n "$n" "$@"
		;;
	esac
}
export -f launch
export folder

# succeeds runs a test on a number of ranks, which have to pass.
succeeds() { # launcher, number of ranks, test, seconds
	if ! timeout "$4" bash -c 'launch "$@"' - "$1" "$2" "$folder/ranks" -test.run "$3" -test.v >"$folder/out" 2>&1; then
		cat "$folder/out"
		echo "FAIL: $1, $2 ranks"
		exit 1
	fi
}

# passes runs all checks.
passes() { # launcher, number of ranks, what
	echo "== $1, $2 ranks${3:+, $3}"
	succeeds "$1" "$2" TestLaunched 120
	grep -oE 'rank [0-9]+ of .*processors|^--- PASS.*' "$folder/out" | sort
}

# ends opens and ends worlds of three ranks, one after the other.
ends() { # launcher, number of worlds
	echo "== $1, $2 worlds that end"
	for _ in $(seq "$2"); do
		succeeds "$1" 3 TestEnds 60
		if [ "$(grep -c '^--- PASS: TestEnds' "$folder/out")" != 3 ]; then
			cat "$folder/out"
			echo "FAIL: not 3 ranks passed"
			exit 1
		fi
	done
}

# fails lets the last of three ranks do something else. All end, with an error that says what: in so many ranks' words.
fails() { # launcher, what the rank does, what the others must print, how many of them
	echo "== $1, a rank that $2"
	local code=0 began=$SECONDS limit=${LIMIT:-60}
	LAYERNOISE_TEST_ODD=$2 timeout -k 5 "$limit" bash -c 'launch "$@"' - "$1" 3 "${ranks[@]}" >"$folder/out" 2>&1 || code=$?
	if [ "$code" = 0 ] && ! grep -q '^--- FAIL' "$folder/out"; then
		echo "FAIL: it ended without an error"
		exit 1
	elif [ -z "${LIMIT:-}" ] && [ $((SECONDS - began)) -ge "$limit" ]; then
		cat "$folder/out"
		echo "FAIL: it did not end"
		exit 1
	fi
	if [ "$(grep -c -E "$3" "$folder/out")" -lt "${4:-1}" ]; then
		cat "$folder/out"
		echo "FAIL: not ${4:-1} times \"$3\""
		exit 1
	fi
	grep -m 1 -E "$3" "$folder/out"
}

for launcher in openmpi-here mpich-here; do
	for n in ${RANKS:-1 2 3 4}; do
		passes $launcher "$n"
	done
done

absent='for rank 2, which has died, hangs, or does not take part'
export LAYERNOISE_TEST_CHECKPOINT=$folder/checkpoint
for launcher in openmpi mpich; do
	fails $launcher-here absent 'rank [01] of 3: MPI_Init_thread did not end within 2s: a rank does not call Init'
	fails $launcher-here hangs "$absent"
	fails $launcher-here stops "$absent"
	fails $launcher-here leaves 'rank 2 calls Finalize'
	fails $launcher-here fails 'rank 2 of 3( failed)?: the disk is full' # the others' words, or its own where they have no time
	fails $launcher-here differs 'rank 2 calls Allreduce of 7 elements of 8 bytes'
	fails $launcher-here panics 'a nil map'
	fails $launcher-here faults 'recovered: runtime error: invalid memory address or nil pointer dereference'
	rm -f "$LAYERNOISE_TEST_CHECKPOINT"
	fails $launcher-here dies 'signal 9|KILLED BY SIGNAL: 9|Killed' # by the launcher, which ends the others
	passes $launcher-here 2 'from the checkpoint of the three'
done
fails openmpi-alone dies "$absent" 2
unset LAYERNOISE_TEST_CHECKPOINT

echo "== the wrong library"
if LAYERNOISE_MPI=libmpich.so.12 mpirun.openmpi -np 2 "${ranks[@]}" >"$folder/wrong" 2>&1; then
	echo "FAIL: Open MPI's launcher with MPICH's library ended without an error"
	exit 1
fi
grep -m 1 "the library is not the launcher's" "$folder/wrong" || { cat "$folder/wrong"; exit 1; }

echo "== a library that is none"
for name in libc.so.6 libnone.so.1; do
	if LAYERNOISE_MPI=$name mpirun.openmpi -np 2 "${ranks[@]}" >"$folder/wrong" 2>&1; then
		echo "FAIL: $name ended without an error"
		exit 1
	fi
	grep -m 1 -E "is no MPI library|does not open" "$folder/wrong" || { cat "$folder/wrong"; exit 1; }
done

# The standard's ABI, of MPICH 5 or Open MPI 6. ABI=/path/to/libmpi_abi.so.1 names one that is not the system's.
abi=${ABI:-$(ldconfig -p | grep -o -m 1 '/.*/libmpi_abi\.so\.1$' || true)}
if [ -z "$abi" ]; then
	echo "!!! NOT TESTED: the standard's ABI, because there is no libmpi_abi.so.1 !!!"
elif grep -q 'MPICH Version' "$abi"; then
	LAYERNOISE_MPI=$abi passes mpich-here 3 "by $abi"
else
	LAYERNOISE_MPI=$abi passes openmpi-here 3 "by $abi"
fi

# The example that trains classifiers: on all ranks, interrupted, resumed by another number of ranks, and runs of their own.
(cd ../../examples/classify && go test -c -o "$folder/classify" .)
for launcher in "mpirun.openmpi --bind-to none -np" "mpiexec.hydra -n"; do
	echo "== examples/classify, ${launcher%% *}"
	if ! (cd ../../examples/classify && LAYERNOISE_TEST_LAUNCHER=$launcher timeout 240 "$folder/classify" -test.run TestLaunched) >"$folder/out" 2>&1; then
		cat "$folder/out"
		exit 1
	fi
done

if [ "$(id -u)" = 0 ] && hosts_up 2>"$folder/up"; then
	export LAYERNOISE_TEST_CHECKPOINT=$folder/checkpoint
	absent='for rank 2 on host2, which has died, hangs, or does not take part'
	for launcher in openmpi-hosts mpich-hosts; do
		rm -f "$LAYERNOISE_TEST_CHECKPOINT"
		fails $launcher dies "$absent" 2
		passes $launcher 3 'from their checkpoint'
		ends $launcher 20
		# The launcher itself may wait for ever for the host that is gone: a cluster's limit of time ends it, here timeout.
		LIMIT=12 fails $launcher unplugs "$absent" 2
		hosts_reset
	done
	hosts_down
	if [ ! -e /dev/net/tun ]; then
		echo '!!! NOT TESTED: ranks with a delay between them, because there is no /dev/net/tun !!!'
	elif DELAY=1ms hosts_up; then
		for launcher in openmpi-hosts mpich-hosts; do
			rm -f "$LAYERNOISE_TEST_CHECKPOINT"
			fails $launcher dies "$absent" 2
			echo "== $launcher, 1 ms away from each other, from their checkpoint"
			succeeds $launcher 3 TestResumed 60
			hosts_reset
		done
	else
		echo "FAIL: no hosts with a delay between them"
		exit 1
	fi
	unset LAYERNOISE_TEST_CHECKPOINT
else
	cat "$folder/up" 2>/dev/null || true
	echo '!!! NOT TESTED: ranks on three hosts, because this is not root, or has no network namespaces and no htb !!!'
fi
echo "ok"
