# A subnet 192.168.OCTET.0/24 for the guests of one stack.
: "${bridge:?}" "${octets[0]:?}"
. ../machine/step.sh
. ../machine/lib/lease.sh

# The link that has a route to the subnet, unless it is the bridge of this stack.
taken() { ip -4 route show "192.168.$1.0/24" | grep -o 'dev [^ ]*' | grep -vxF "dev $bridge" || true; }

create() { claim subnet "${octets[@]}"; }
facts() { lease_fact subnet; }
delete() { release; }

run_step "$@"
