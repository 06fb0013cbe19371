# The name of a stack, on a host that others use: libvirt and the export files have what is called by it only once.
: "${stack:?}"
. ../machine/step.sh
. ../machine/lib/lease.sh

# Whose it is the lease tells.
taken() { :; }

create() { claim 'stack name' "$stack"; }
facts() { lease_fact 'stack name'; }
delete() { release; }

run_step "$@"
