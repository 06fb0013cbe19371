# Where in the sources a function of the kernel or of a module is.
. ./developer.sh

# Prints FILE:LINE of a place, `f+0x5/0x10`, in an object with debug information; nothing if that cannot be told. The
# script is the developer's. A size is held against the object's: of a module's function the kernel may say another.
source_line() { # KERNEL-SOURCES OBJECT PLACE
  as_developer timeout 60 "$1/scripts/faddr2line" "$2" "$3" 2>/dev/null | sed -n '2s/.* at //p' || true
}
