# In a guest: the module is loaded once gdb has had time to attach, and then has events.
: "${task:?}"
sleep 20
modprobe duet
. ../e2e/make-events.sh
