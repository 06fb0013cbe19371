# Who is attached to gdb stubs: a line each, empty for nobody.
: "${stubs[*]-}"
. ../components/host/gdb-stub.sh

for stub in "${stubs[@]}"; do printf '%s\n' "$(attached "$stub")"; done
