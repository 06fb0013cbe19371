# Prints who is attached to the stub, if anybody is: gdb's commands for a person ask it first.
: "${stub:?}"
. ../host/gdb-stub.sh
attached "$stub"
