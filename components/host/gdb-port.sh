# A TCP port for the gdb stub of one guest. Source: guide, step 4.
: "${guest:?}" "${ports[0]:?}"
. ../machine/step.sh
. ../machine/lib/lease.sh
. ./gdb-stub.sh

taken() { stub_taken "127.0.0.1:$1" "$guest"; }

create() { claim 'gdb port' "${ports[@]}"; }
facts() { lease_fact 'gdb port'; }
delete() { release; }

run_step "$@"
