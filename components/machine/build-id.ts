import { type Shell, sh } from "./shell.ts";

/**
 * Bash that puts the build id among the ELF notes of a file into `$id`, in hex, or nothing where there is none. It
 * starts no process: in a guest without KVM each is 30 ms. Source: elf(5), Nhdr: three words of sizes and type, then
 * the name "GNU", then the id of 20 bytes.
 *
 * @param file absolute path, or bash that becomes it, of a file that holds notes and no more, as in /sys
 */
export function readBuildId(file: string | Shell): Shell {
  return sh`id= LC_ALL=C
mapfile -d '' -t notes 2>/dev/null <${file} || notes=()
for ((at = 6; at < ${{ shell: "${#notes[@]}" }}; at++)); do
  if [ "${{ shell: "${notes[at]}${notes[at - 3]}${notes[at - 6]}" }}" = $'GNU\x03\x14' ]; then
    while [ ${{ shell: "${#id}" }} -lt 40 ] && ((++at < ${{ shell: "${#notes[@]}" }})); do
      part=${{ shell: "${notes[at]}" }}
      while [ -n "$part" ]; do
        printf -v byte %d "'$part"
        printf -v id %s%02x "$id" $((byte & 255))
        part=${{ shell: "${part:1}" }}
      done
      id=${{ shell: "${id}" }}00
    done
    id=${{ shell: "${id:0:40}" }}
    break
  fi
done`;
}
