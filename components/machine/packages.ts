import { fail } from "./result.ts";
import { lines, type Shell, sh } from "./shell.ts";

/** Words before a command that let it reach the internet, where that takes another network namespace. */
export function inNamespace(namespace: string | undefined): Shell {
  return namespace === undefined ? sh`` : sh`nsenter ${`--net=${namespace}`} `;
}

/** Prints, for each package, a line `package NAME: installed`, or `missing`. */
export function packageFacts(packages: readonly string[]): Shell {
  if (packages.length === 0) {
    return sh`:`;
  }
  const format = "-f=${Package} ${db:Status-Status}\\n";
  // One process: in a guest without KVM each costs 25 ms.
  return sh`known=$(dpkg-query -W ${format} -- ${packages} 2>/dev/null || true)
for package in ${packages}; do
  case ${"\n"}$known${"\n"} in
    *${"\n"}"$package installed"${"\n"}*) printf 'package %s: installed\n' "$package" ;;
    *) printf 'package %s: missing\n' "$package" ;;
  esac
done`;
}

/** The list of a package's files, as a bash word: dpkg writes it at each change of the package. Source: dpkg(1), FILES. */
export function packageList(name: string | Shell): Shell {
  return sh`/var/lib/dpkg/info/${name}[.:]*list`;
}

/**
 * Waits until nobody holds dpkg's lock, five minutes at most. dpkg itself does not wait, and the lock is one of fcntl(2),
 * which flock(1) does not see.
 */
export const waitForDpkg: Shell = sh`for _ in $(seq 300); do
  grep -q ":$(stat -c %i /var/lib/dpkg/lock-frontend 2>/dev/null || echo none) " /proc/locks || break
  sleep 1
done`;

/** Completes a dpkg that was cut off: what is half installed, and what apt calls interrupted, which no audit tells. */
export const completeDpkg = sh`{ [ -z "$(dpkg --audit; ls -A /var/lib/dpkg/updates 2>/dev/null)" ] || env DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confold; }`;

/**
 * Installs the packages that are missing, through apt, and does nothing where none is. An interrupted dpkg is
 * completed first, and a held lock is waited for, five minutes at most.
 *
 * @param namespace path of a network namespace that reaches the archive. Defaults to the current one.
 */
export function installPackages(packages: readonly string[], namespace?: string): Shell {
  if (packages.length === 0) {
    return sh`:`;
  }
  const apt = sh`${inNamespace(namespace)}env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=30`;
  return lines(
    sh`missing=$(${packageFacts(packages)} | sed -n 's/^package \(.*\): missing$/\1/p' | paste -sd ' ')`,
    sh`if [ -n "$missing" ]; then`,
    sh`command -v apt-get >/dev/null || ${fail(sh`"these packages are missing, and there is no apt-get here to install them: $missing; install them by hand and run this again"`)}`,
    sh`install_missing() {`,
    sh`  ${waitForDpkg}`,
    sh`  ${completeDpkg} || return`,
    sh`  ${apt} install --no-install-recommends $missing || { ${apt} update && ${apt} install --no-install-recommends $missing; }`,
    sh`}`,
    sh`said=$(install_missing </dev/null 2>&1 | tee >(cat >&2)) ||`,
    fail(
      sh`"these packages could not be installed: $missing; the first error is: $(grep -m 1 -E -e '^(E|dpkg|tar):|[Ee]rror|No space left' <<<"$said" || tail -n 1 <<<"$said")"`,
    ),
    sh`fi`,
  );
}
