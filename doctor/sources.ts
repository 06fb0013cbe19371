import { type Finding, note, ok, stop } from "./finding.ts";
import type { Probe } from "./probe.ts";

/** Types of file systems by the numbers of statfs(2). */
const unserved: Readonly<Record<number, string>> = { 2035054128: "overlayfs", 26985: "NFS", 16914836: "tmpfs" };

/** Where file systems are mounted. Source: proc(5), mountinfo: blanks are written in octal digits. */
function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((path) =>
      path.replaceAll(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
}

const isAtOrBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/**
 * Whether the sources directory is on something that a server of NFS can serve, all of it, and whether that is mounted.
 * Source: exports(5), fsid; fstab(5).
 *
 * @param trees absolute paths of what guests have to see of it
 */
export function sources(probe: Probe, directory: string, trees: readonly string[]): readonly Finding[] {
  const { type } = probe.disk(directory);
  const name = unserved[type];
  if (name !== undefined) {
    const advice = "take a directory on another disk in duet:sources";
    return [stop("sources", `${directory} is on ${name}, which cannot be served; ${advice}`)];
  }
  const mounted = mountPoints(probe.read("/proc/self/mountinfo") ?? "");
  const apart = mounted.filter(
    (mount) =>
      mount !== directory &&
      isAtOrBelow(mount, directory) &&
      trees.some((tree) => isAtOrBelow(tree, mount) || isAtOrBelow(mount, tree)),
  );
  if (apart.length > 0) {
    const said = "another file system than its directory, and guests would see an empty folder there";
    return apart.map((mount) => stop("sources", `${mount} is ${said}; unmount it, or have the whole directory on it`));
  }
  const missing = (probe.read("/etc/fstab") ?? "")
    .split("\n")
    .flatMap((line) => /^\s*[^#\s]\S*\s+(\/\S+)/.exec(line)?.slice(1) ?? [])
    .filter((mount) => isAtOrBelow(directory, mount) && !mounted.includes(mount));
  return missing.length > 0
    ? missing.map((mount) =>
        note(
          "sources",
          `/etc/fstab has a disk for ${mount}, which is not mounted; mount it, or the one above is filled`,
        ),
      )
    : [ok("sources", `${directory} can be served to guests`)];
}
