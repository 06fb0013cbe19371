# What a step gets of its caller's environment: where programs are, a home, libvirt of a session, the developer's ssh
# agent, and the way to the internet. Nothing else changes what is built, what a program says, or what is decided by it.
inherit() { # NAME...
  local name
  for name; do
    if [ -n "${!name+set}" ]; then inherited+=("$name=${!name}"); fi
  done
}

inherited=()
inherit PATH SSH_AUTH_SOCK http_proxy https_proxy ftp_proxy all_proxy no_proxy \
  HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
# The developer has a home and a session of their own.
# shellcheck disable=SC2034 # developer.sh gives them to what runs so.
for_developer=("${inherited[@]}")
inherit HOME XDG_RUNTIME_DIR
