# Three hosts on this machine, for test.sh: network namespaces with a name and an address each, joined by a bridge, a cable of
# 1 Gbit/s from each. It needs root and the program ip.

# hosts_up makes host0, host1 and host2, and $folder/agent, which starts a command on one of them as ssh would.
hosts_up() {
	bridge=ln$$
	ip link add "$bridge" type bridge && ip link set "$bridge" up || return
	local i name
	for i in 0 1 2; do
		name=$bridge-host$i
		mkdir -p "/etc/netns/$name"
		printf '127.0.0.1 localhost\n10.77.0.1 host0\n10.77.0.2 host1\n10.77.0.3 host2\n' >"/etc/netns/$name/hosts"
		ip netns add "$name" || return
		ip link add "$bridge-$i" type veth peer name eth0 netns "$name" || return
		ip link set "$bridge-$i" master "$bridge" up
		ip -n "$name" link set lo up
		ip -n "$name" link set eth0 up
		ip -n "$name" addr add "10.77.0.$((i + 1))/24" dev eth0
		shape "$i" "${RATE:-1gbit}" || return
	done
	cat >"$folder/agent" <<-END
		#!/bin/sh
		while [ "\${1#-}" != "\$1" ]; do shift; done
		host=\$1; shift
		exec ip netns exec $bridge-\$host unshare -u sh -c "hostname \$host; exec env \$*"
	END
	chmod +x "$folder/agent"
}

# shape sets the rate of a host's cable. There is no added delay: not every kernel has netem.
shape() {
	tc -n "$bridge-host$1" qdisc show dev eth0 | grep -q htb || tc -n "$bridge-host$1" qdisc add dev eth0 root handle 1: htb default 1 &&
		tc -n "$bridge-host$1" class replace dev eth0 parent 1: classid 1:1 htb rate "$2"
}

# hosts_reset ends what is left on the hosts, and plugs in all cables.
hosts_reset() {
	local i
	for i in 0 1 2; do
		ip netns pids "$bridge-host$i" 2>/dev/null | xargs -r kill -9
		ip -n "$bridge-host$i" link set eth0 up
	done
}

hosts_down() {
	[ -n "${bridge:-}" ] || return 0
	local i
	hosts_reset 2>/dev/null
	for i in 0 1 2; do
		ip netns del "$bridge-host$i" 2>/dev/null
		rm -rf "/etc/netns/$bridge-host$i"
	done
	ip link del "$bridge" 2>/dev/null
	bridge=
}
