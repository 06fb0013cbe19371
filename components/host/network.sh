# A subnet of 256 addresses for the guests of one stack, by its first three numbers, or by the third behind 192.168.
: "${bridge:?}" "${subnets[0]:?}"
. ../machine/step.sh
. ../machine/lib/lease.sh

# The route that has some of the subnet's addresses, in any table, unless it is of the bridge of this stack. A route for
# all of the internet, whole or in a few parts as a VPN has it, leaves room for others.
taken() { # SUBNET
  local subnet=$1.0/24 others="^default |^[0-9.]+/[1-4] | dev $bridge( |\$)"
  case $1 in *.*) ;; *) subnet=192.168.$subnet ;; esac
  { ip -4 route show table all match "$subnet" && ip -4 route show table all root "$subnet"; } |
    { grep -vE -e "$others" || true; } |
    sed -n -E '1 s/^(.* dev [^ ]+|[^ ]+ [^ ]+).*/the route \1/p'
}

create() { claim subnet "${subnets[@]}"; }
facts() { lease_fact subnet; }
delete() { release; }

run_step "$@"
