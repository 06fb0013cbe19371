# Prints, for each step that a machine has completed, its facts and then its record: one round trip for a whole machine,
# and all facts at once. It starts no process but one shell a step: in a guest without KVM each costs 30 ms.
: "${folder:?}" "${limit:?}"

exec </dev/null 2>/dev/null
shopt -s nullglob
names=("$folder"/.completed/*)
# Facts are read as `bash NAME.sh facts` reads them: there a pattern that matches no file is a file that is missing.
shopt -u nullglob
names=("${names[@]##*/}")
files=() pids=()
for name in "${names[@]}"; do
  # shellcheck source=/dev/null disable=SC2154 # The file of the step, as the machine keeps it.
  exec {file}< <(. "$folder/$name.sh" facts && printf '\001title %s\n' "$title")
  files+=("$file") pids+=("$!")
done
for at in "${!names[@]}"; do
  # All have begun at once, and have as long together.
  IFS= read -t $((SECONDS < limit ? limit - SECONDS : 1)) -rd '' -u "${files[at]}" text
  printf '\001step %s\n%s\n' "${names[at]}" "$text"
  if [ -e "$folder/${names[at]}" ]; then
    IFS= read -rd '' text <"$folder/${names[at]}"
    printf '\001record\n%s\n' "$text"
  fi
done
printf '\001end\n'
kill "${pids[@]}"
exit 0
