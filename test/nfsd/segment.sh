# An Ethernet segment in the network namespace of the caller: a bridge, a tap for each guest, and the DHCP server, which
# gives each card its address, and which this becomes. Source: ip-tuntap(8), dnsmasq(8).
: "${subnet:?}" "${bridge:?}" "${taps[0]:?}" "${leases[0]:?}"
set -euo pipefail

ip link set dev lo up
ip link add dev "$bridge" type bridge
ip address add "$subnet.1/24" dev "$bridge"
ip link set dev "$bridge" up
for tap in "${taps[@]}"; do
  ip tuntap add dev "$tap" mode tap
  ip link set dev "$tap" master "$bridge" up
done
# Neither a router nor names: no guest is to ask for anything outside.
exec dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface="$bridge" --bind-interfaces --leasefile-ro \
  --dhcp-range="$subnet.0,static,255.255.255.0" "${leases[@]/#/--dhcp-host=}" \
  --dhcp-option=option:router --dhcp-option=option:dns-server
