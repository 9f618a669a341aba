#!/usr/bin/env bash
# Starts the tests of this package as the ranks of Open MPI and of MPICH: bash optim/distributed/test.sh [names of tests of go test -run]
# Installs both libraries where it is root of a Debian. Fails where a launcher is missing.
set -euo pipefail
cd "$(dirname "$0")"

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
	apt-get install -y -qq --no-install-recommends openmpi-bin libopenmpi3 mpich libmpich12 >/dev/null
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go test -c -o "$folder/ranks" .

openmpi() { mpirun.openmpi --bind-to none -np "$@"; }
mpich() { mpiexec.hydra -n "$@"; }

for launcher in openmpi mpich; do
	for n in ${RANKS:-1 2 3 4}; do
		echo "== $launcher, $n ranks"
		$launcher $n "$folder/ranks" -test.run TestLaunched -test.v | grep -E '^ +launched_test|^(---|ok|FAIL|PASS)' | sort | uniq -c
	done
done

# What happens to the others when the last of three ranks does something else: all end, with an error that says what.
expect() { # what it does, what one of the others must print
	echo "== a rank that $1"
	out=$folder/$1
	if LAYERNOISE_TEST_ODD=$1 timeout 60 "${launch[@]}" "$folder/ranks" -test.run TestLaunched >"$out" 2>&1; then
		echo "FAIL: it ended without an error"
		exit 1
	elif [ $? = 124 ]; then
		echo "FAIL: it did not end"
		exit 1
	fi
	grep -m 1 -E "$2" "$out" || {
		echo "FAIL: nothing like \"$2\" in:"
		cat "$out"
		exit 1
	}
}
for launcher in openmpi mpich; do
	case $launcher in
	openmpi) launch=(mpirun.openmpi --bind-to none -np 3) ;;
	mpich) launch=(mpiexec.hydra -n 3) ;;
	esac
	echo "== misuse, $launcher"
	expect hangs 'for rank 2, which has died, hangs, or does not take part'
	expect leaves 'rank 2 calls Finalize'
	expect fails 'rank 2 of 3 failed: the disk is full'
	expect differs 'rank 2 calls Allreduce of 7 elements of 8 bytes'
	expect dies 'signal 9|KILLED BY SIGNAL: 9|Killed'
	expect panics 'a nil map'
done
echo "== the wrong library"
if LAYERNOISE_MPI=libmpich.so.12 mpirun.openmpi -np 2 "$folder/ranks" -test.run TestLaunched >"$folder/wrong" 2>&1; then
	echo "FAIL: Open MPI's launcher with MPICH's library ended without an error"
	exit 1
fi
grep -m 1 "the library is not the launcher's" "$folder/wrong" || { cat "$folder/wrong"; exit 1; }
echo "ok"
