# The one lock of the shell: an open file description lock, which a guest and its host see alike over NFS. A lock of
# flock(1) on the host and one of a guest do not meet. Source: fcntl(2), "Open file description locks".

# Locks the file that is open, for reading and writing, as a descriptor of this shell, until all that have inherited it
# have closed it. Fails after SECONDS; with 0 at once. The numbers are F_OFD_SETLKW, F_OFD_SETLK and F_WRLCK.
lock() { # DESCRIPTOR SECONDS
  # shellcheck disable=SC2016 # The variables are perl's.
  local program='open F, "+<&=$fd"; alarm $s; exit !fcntl F, $s ? 38 : 37, $_ = pack "ssx4qqix4", 1'
  { perl -se "$program" -- "-fd=$1" "-s=$2"; } 2>/dev/null
}
