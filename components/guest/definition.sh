# The definition of a domain: as it was made, with what the spec asks for, and with what a person has added to it.
: "${uri:?}" "${guest:?}" "${uuid:?}" "${definition:?}" "${stylesheet:?}"
: "${memory:?}" "${vcpus:?}" "${type:?}" "${cpu:?}" "${device:?}"
: "${proven?}" # Whether a snapshot is kept of the guest.
. ./shutdown.sh

dump_definition() { "${virsh[@]}" dumpxml --inactive -- "$guest"; }

# Prints a definition that follows from the kept one and another: see definition.xsl.
definition_as() { # MODE NOW
  xsltproc --nonet --stringparam mode "$1" --stringparam kib "$((memory << 10))" --stringparam vcpus "$vcpus" \
    --stringparam type "$type" --stringparam cpu "$cpu" --stringparam device "$device" \
    --stringparam proven "$proven" \
    <(printf '%s' "$stylesheet") <(printf '<both>%s%s</both>' "$(<"$definition")" "$2")
}

# The domain's own part of what it is now; nothing if it is not defined.
own_definition() {
  local now
  now=$(dump_definition) && definition_as own "$now"
}

# Defines the domain as the spec asks for it, and keeps that. The provider reads back a few attributes only, and never
# the stub; and for other memory it would make another domain, without what a person has added. A domain that is defined
# again is off: what runs is not what is defined. Another UUID is a new domain.
keep_definition() {
  local now asked
  if ! grep -qF -e "<uuid>$uuid</uuid>" -- "$definition" 2>/dev/null; then
    dump_definition >"$definition.new"
    mv -- "$definition.new" "$definition"
  fi
  now=$(dump_definition 2>/dev/null) || now=
  asked=$(definition_as asked "$now")
  if [ "$(definition_as own "$now")" = "$asked" ]; then return; fi
  keep_disks "$now"
  # The domain that runs may know of a snapshot that the other one does not.
  keep_disks "$("${virsh[@]}" dumpxml -- "$guest" 2>/dev/null || true)"
  if [ "$(definition_as own "$(<"$definition")")" = "$asked" ]; then
    say "domain $guest was edited or undefined by hand: it is defined as it was, and starts again"
  else
    say "domain $guest is given what the spec asks for, and starts again"
  fi
  definition_as whole "$now" >"$definition.new"
  power_off
  "${virsh[@]}" define -- "$definition.new" >&2 ||
    die "cannot define domain $guest as the spec asks for it, with what was added to it by hand: see libvirt's line" \
      "above; take that addition out with virsh edit $guest, and run this again"
  own_definition >"$definition.new"
  mv -- "$definition.new" "$definition"
}

# A disk that is another file than it was has been written to there: it is the top of a snapshot.
keep_disks() { # NOW
  local target pool volume file
  if [ -z "$1" ]; then return; fi
  while read -r target pool volume file; do
    if [ "$pool" != - ] && [ "$("${virsh[@]}" vol-path --pool "$pool" "$volume" 2>/dev/null)" = "$file" ]; then
      continue
    fi
    # Without --shallow it would go down to the image, which all guests have.
    die "cannot define domain $guest as the spec asks for it: its disk $target is $file, and what was written there" \
      "would be lost; while the guest runs, merge that with" \
      "virsh blockcommit $guest $target --active --shallow --pivot, and run this again"
  done < <(definition_as moved "$1")
}
