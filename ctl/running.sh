# What runs in a guest: the release of its kernel, and the build id of a module, or nothing if that is not loaded.
: "${module:?}"
. ../components/machine/lib/build-id.sh

uname -r
read_build_id "/sys/module/$module/notes/.note.gnu.build-id"
printf '%s\n' "$id"
