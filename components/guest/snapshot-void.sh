# Forgets how a guest was proven before anything in it becomes another: an `up` may end on the way, and a guest that
# went back then would have less than is known of it.
: "${state:?}" # Another one is on its way.
. ../machine/step.sh
. ./proven.sh

create() { forget_snapshot; }

run_step "$@"
