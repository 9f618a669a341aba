# Three hosts on this machine, for test.sh: network namespaces with a name and an address each, joined by a bridge, a cable of
# 1 Gbit/s from each. It needs root and the program ip. With DELAY=1ms the cable is a program, which carries each packet so much
# later (cable_linux_test.go in $folder/ranks): not every kernel has netem.

# hosts_up makes host0, host1 and host2, and $folder/agent, which starts a command on one of them as ssh would.
hosts_up() {
	bridge=ln$$
	local i name
	if [ -n "${DELAY:-}" ]; then
		cable_up || return
	else
		ip link add "$bridge" type bridge && ip link set "$bridge" up || return
	fi
	for i in 0 1 2; do
		name=$bridge-host$i
		mkdir -p "/etc/netns/$name"
		printf '127.0.0.1 localhost\n10.77.0.1 host0\n10.77.0.2 host1\n10.77.0.3 host2\n' >"/etc/netns/$name/hosts"
		ip netns add "$name" || return
		if [ -n "${DELAY:-}" ]; then
			ip link set "$bridge-$i" netns "$name" && ip -n "$name" link set "$bridge-$i" name eth0 || return
		else
			ip link add "$bridge-$i" type veth peer name eth0 netns "$name" || return
			ip link set "$bridge-$i" master "$bridge" up
		fi
		ip -n "$name" link set lo up
		ip -n "$name" link set eth0 up
		ip -n "$name" addr add "10.77.0.$((i + 1))/24" dev eth0
		[ -n "${DELAY:-}" ] || shape "$i" "${RATE:-1gbit}" || return
	done
	cat >"$folder/agent" <<-END
		#!/bin/sh
		while [ "\${1#-}" != "\$1" ]; do shift; done
		host=\$1; shift
		exec ip netns exec $bridge-\$host unshare -u sh -c "hostname \$host; exec env \$*"
	END
	chmod +x "$folder/agent"
}

# cable_up starts the program that is the cable, and waits for the hosts' devices.
cable_up() {
	rm -f "$folder/ready"
	LAYERNOISE_TEST_CABLE="$bridge-0 $bridge-1 $bridge-2" LAYERNOISE_TEST_DELAY=$DELAY LAYERNOISE_TEST_READY=$folder/ready \
		"$folder/ranks" -test.run TestCable -test.timeout 0 &
	cable=$!
	while [ ! -e "$folder/ready" ]; do
		kill -0 "$cable" 2>/dev/null || return
		sleep 0.1
	done
}

# shape sets the rate of a host's cable.
shape() {
	tc -n "$bridge-host$1" qdisc show dev eth0 | grep -q htb || tc -n "$bridge-host$1" qdisc add dev eth0 root handle 1: htb default 1 &&
		tc -n "$bridge-host$1" class replace dev eth0 parent 1: classid 1:1 htb rate "$2"
}

# hosts_reset ends what is left on the hosts, and plugs in all cables.
hosts_reset() {
	local i
	for i in 0 1 2; do
		ip netns pids "$bridge-host$i" 2>/dev/null | xargs -r kill -9 || true # some end by themselves
		ip -n "$bridge-host$i" link set eth0 up
	done
}

# hosts_down takes all of it away, whatever there is. The cables go by name: the end of a namespace takes them along later.
hosts_down() {
	[ -n "${bridge:-}" ] || return 0
	local i
	hosts_reset 2>/dev/null || true
	for i in 0 1 2; do
		ip link del "$bridge-$i" 2>/dev/null || true
		ip netns del "$bridge-host$i" 2>/dev/null || true
		rm -rf "/etc/netns/$bridge-host$i"
	done
	ip link del "$bridge" 2>/dev/null || true
	if [ -n "${cable:-}" ]; then
		kill "$cable" 2>/dev/null && wait "$cable" 2>/dev/null || true
		cable=
	fi
	bridge=
}
