import * as pulumi from "@pulumi/pulumi";
import { asDeveloper, type Developer } from "../host/developer.ts";
import { type Hold, releaseHold, takeHold, takeTurn } from "../host/holds.ts";
import { checksumFact } from "../machine/checksum.ts";
import type { Machine } from "../machine/machine.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import type { SourceTree } from "./source-tree.ts";

/** What a configuration starts from: tinyconfig, defconfig, the guest's own, or the file at an absolute path. */
export type ConfigBase = "tiny" | "defconfig" | "guest" | (string & {});

/** Lines of a kernel configuration, with the name by which a message calls them. */
export interface Fragment {
  readonly name: string;
  readonly text: string;
}

export interface KernelConfigArgs {
  readonly host: Machine;
  readonly developer: Developer;
  /** The kernel's sources. */
  readonly source: SourceTree;
  /** Absolute path of the build directory, make's `O=`. */
  readonly build: string;
  /** Absolute path of ccache's folder. It and the build directory wait in the cache while no stack has them. */
  readonly ccache: string;
  /** Absolute path of the sources directory, and the stack: the builds of two stacks may be one. */
  readonly directory: string;
  readonly owner: string;
  readonly base: ConfigBase;
  /** Whether modules that the guest has not loaded are left out. */
  readonly localmodconfig: boolean;
  /** What is laid over the base, the last one winning. */
  readonly fragments: readonly Fragment[];
  /** The guest whose configuration and modules are read. Needed for the base "guest" and for localmodconfig. */
  readonly guest?: Machine;
}

/** What Duet and its debugger need, whatever the fragments say; a symbol that this kernel does not know is left out. */
export const duetNeeds: readonly string[] = [
  "CONFIG_MODULES=y",
  "CONFIG_MODULE_UNLOAD=y",
  "CONFIG_KALLSYMS=y",
  "CONFIG_KALLSYMS_ALL=y",
  "CONFIG_DEBUG_KERNEL=y",
  "CONFIG_DEBUG_INFO=y",
  "CONFIG_DEBUG_INFO_DWARF5=y",
  "CONFIG_GDB_SCRIPTS=y",
  "CONFIG_NETWORK_FILESYSTEMS=y",
  "CONFIG_NFS_FS=y",
  "CONFIG_NFS_V4=y",
  "CONFIG_NFS_V4_1=y",
  "CONFIG_NFS_V4_2=y",
  'CONFIG_LOCALVERSION=""',
  "# CONFIG_LOCALVERSION_AUTO is not set",
  "# CONFIG_DEBUG_INFO_NONE is not set",
  "# CONFIG_DEBUG_INFO_REDUCED is not set",
  "# CONFIG_DEBUG_INFO_SPLIT is not set",
  // Needs pahole, and is of no use to gdb.
  "# CONFIG_DEBUG_INFO_BTF is not set",
  // An address in vmlinux has to be the address in the guest.
  "# CONFIG_RANDOMIZE_BASE is not set",
  // Debian's configurations name key files that only Debian has.
  "# CONFIG_MODULE_SIG is not set",
  'CONFIG_SYSTEM_TRUSTED_KEYS=""',
  'CONFIG_SYSTEM_REVOCATION_KEYS=""',
];

/** Bash for the guest: its distribution's configuration, or with `modules` the list of its loaded modules. */
export function guestScript(what: "config" | "modules"): Shell {
  const kept = `/var/lib/duet/kernel-${what}`;
  const read =
    what === "modules"
      ? sh`lsmod`
      : // None is an error of the step that asks for it, which knows the other choices.
        sh`{ cat -- "$(printf '%s\n' /boot/config-* | grep -vF -e +duet | sort -V | tail -n 1)" 2>/dev/null || true; }`;
  // Kept from the first time on: a Duet kernel that runs already has lost the modules that it was built without.
  return lines(
    sh`mkdir -p /var/lib/duet`,
    sh`if [ ! -s ${kept} ]; then ${read} >${`${kept}.new`}; mv -- ${`${kept}.new`} ${kept}; fi`,
    sh`cat -- ${kept}`,
  );
}

export interface ConfigScriptArgs {
  readonly developer: Developer;
  /** Absolute path of the sources. */
  readonly source: string;
  readonly build: string;
  readonly base: ConfigBase;
  readonly fragments: readonly Fragment[];
  /** Output of the guest's lsmod, where localmodconfig is asked for. */
  readonly modules?: string;
}

/**
 * Bash that writes the configuration of a build, and its `.config` only where that differs, so that make sees no change
 * where there is none. With the base "guest" its standard input is the guest's configuration.
 */
export function configScript({ developer, source, build, base, fragments, modules }: ConfigScriptArgs): Shell {
  const scratch = `${build}.config`;
  const make = (...targets: readonly string[]): Shell =>
    asDeveloper(developer, "make", "-s", "-C", source, `O=${scratch}`, ...targets);
  const write = (file: string, text: string): Shell =>
    sh`printf '%s\n' ${text} | ${asDeveloper(developer, "tee", "-a", file)} >/dev/null`;
  return lines(
    sh`for folder in "$(dirname ${build})" ${build} ${scratch}; do install -d -o ${developer.uid} -g ${developer.gid} -- "$folder"; done`,
    sh`rm -f -- ${`${scratch}/.config`}`,
    baseScript(base, `${scratch}/.config`, make, developer),
    ...(modules === undefined
      ? []
      : [
          sh`printf '%s\n' ${modules} >${`${scratch}/lsmod`}`,
          // The new symbols of a newer kernel get their defaults.
          sh`{ yes '' || true; } | ${make(`LSMOD=${scratch}/lsmod`, "localmodconfig")} >&2`,
        ]),
    sh`grep -rhoE --include='Kconfig*' -e '^[[:space:]]*(menu)?config[[:space:]]+[A-Za-z0-9_]+' ${source} | awk '{ print $NF }' | sort -u >${`${scratch}/symbols`}`,
    sh`known() { grep -qxF -e "$1" ${`${scratch}/symbols`}; }`,
    sh`symbol() { grep -oE 'CONFIG_[A-Za-z0-9_]+' <<<"$1" | head -n 1 | cut -c8-; }`,
    ...fragments.map((fragment) => write(`${scratch}/.config`, fragment.text)),
    sh`needs=`,
    sh`for line in ${duetNeeds}; do if known "$(symbol "$line")"; then needs+="$line"$'\n'; fi; done`,
    // The short form of the debug information: since 5.18 a choice, of which this is no member any more.
    sh`if known DEBUG_INFO_NONE; then needs=$(grep -vxF -e CONFIG_DEBUG_INFO=y <<<"$needs"); fi`,
    sh`printf '%s\n' "$needs" | ${asDeveloper(developer, "tee", "-a", `${scratch}/.config`)} >/dev/null`,
    // That a later line wins is the point, and not worth a warning each.
    sh`${make("olddefconfig")} 2>&1 | { grep -v ':warning: override: ' || true; } >&2`,
    checkAsked(`${scratch}/.config`, source, fragments),
    sh`if ! cmp -s ${`${scratch}/.config`} ${`${build}/.config`}; then ${asDeveloper(developer, "cp", "--", `${scratch}/.config`, `${build}/.config`)}; fi`,
    sh`printf 'config: %s\n' "$(sha256sum <${`${build}/.config`} | cut -c1-16)"`,
  );
}

function baseScript(
  base: ConfigBase,
  file: string,
  make: (...targets: readonly string[]) => Shell,
  developer: Developer,
): Shell {
  switch (base) {
    case "tiny":
      return sh`${make("tinyconfig")} >&2`;
    case "defconfig":
      return sh`${make("defconfig")} >&2`;
    case "guest":
      return sh`${asDeveloper(developer, "tee", file)} >/dev/null; [ -s ${file} ] || ${fail(sh`${"the guest's own configuration was asked for as the base, and the guest has no /boot/config-*: choose tiny, defconfig or a file"}`)}`;
    default:
      return lines(
        sh`[ -r ${base} ] || ${fail(sh`${`configuration ${base} was asked for as the base, and cannot be read: correct duet:kernel.base`}`)}`,
        sh`${asDeveloper(developer, "tee", file)} <${base} >/dev/null`,
      );
  }
}

/** awk that joins what the entry of one symbol depends on, and stops at its help and at the next entry. */
const dependsOn = `/^[ \\t]*(menu)?config[ \\t]/ { own = $NF == name }
/^[ \\t]*help/ { own = 0 }
own && sub(/^[ \\t]*depends on /, "") { printf "%s%s", found++ ? " && " : "", $0 }`;

/** Bash that names every symbol which was asked for and is not in the result, with what it depends on. */
function checkAsked(file: string, source: string, fragments: readonly Fragment[]): Shell {
  const asked = fragments.map((fragment) => fragment.text).join("\n");
  return lines(
    sh`asked=$({ printf '%s\n' ${asked} "$needs"; } | grep -E '^(CONFIG_[A-Za-z0-9_]+=|# CONFIG_[A-Za-z0-9_]+ is not set$)' | awk '{ name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name); last[name] = $0 } END { for (name in last) print last[name] }' | sort)`,
    sh`dropped=`,
    sh`while IFS= read -r line; do`,
    sh`  [ -n "$line" ] || continue`,
    sh`  name=$(symbol "$line")`,
    sh`  case $line in`,
    // An absent string is as empty as one that was asked for as "".
    sh`    '#'*|*=n|*'=""') if grep "^CONFIG_$name=" ${file} | grep -qvxF -e "$line"; then dropped+="$line: it is set to $(grep "^CONFIG_$name=" ${file} | cut -d= -f2-), since something selects it"$'\n'; fi ;;`,
    sh`    *) if ! grep -qxF -e "$line" ${file}; then`,
    sh`         found=$(grep -hE "^(# )?CONFIG_$name[= ]" ${file} || echo absent)`,
    sh`         depends=$(grep -rhE --include='Kconfig*' -A 40 -e "^[[:space:]]*(menu)?config[[:space:]]+$name[[:space:]]*$" ${source} | awk -v name="$name" ${dependsOn} || true)`,
    sh`         [ -n "$depends" ] || depends='a choice, or a type, that does not allow it'`,
    sh`         if known "$name"; then dropped+="$line: found $found; it depends on $depends"$'\n'; else dropped+="$line: this kernel has no such symbol"$'\n'; fi`,
    sh`       fi ;;`,
    sh`  esac`,
    sh`done <<<"$asked"`,
    sh`if [ -n "$dropped" ]; then printf '%s\n%s' 'these symbols were asked for in the configuration, and the kernel does not take them; correct duet:kernel:' "$dropped" >&2; exit 1; fi`,
  );
}

/** Checksum of the configuration that a build would use. */
export function configFacts(build: string): Shell {
  return checksumFact("kernel configuration", `${build}/.config`);
}

/** Folders that wait in the cache between stacks: where each is while a stack stands, and where in the cache. */
export type KeptFolders = Readonly<Record<string, string>>;

/** Takes folders back from the cache, where they have waited since the last destroy. */
export function takeKept(folders: KeptFolders): Shell {
  return lines(
    ...Object.entries(folders).map(
      ([folder, cached]) =>
        sh`if [ ! -e ${folder} ] && [ -d ${cached} ]; then mkdir -p -- "$(dirname ${folder})"; mv -T -- ${cached} ${folder}; fi`,
    ),
  );
}

/** Moves folders to the cache, with the times that make knows. */
export function keepInCache(folders: KeptFolders): Shell {
  return lines(
    ...Object.entries(folders).map(
      ([folder, cached]) =>
        sh`if [ -d ${folder} ]; then rm -rf -- ${cached}; mkdir -p -- "$(dirname ${cached})"; mv -T -- ${folder} ${cached}; fi`,
    ),
  );
}

/**
 * The configuration of a kernel: a base, the guest's modules, fragments, and what Duet needs last.
 *
 * Source: guide, step 8. A symbol that was asked for and dropped is an error that names it.
 */
export class KernelConfig extends pulumi.ComponentResource {
  /** Changes with the configuration. */
  readonly hash: pulumi.Output<string>;
  /** The hold on the build directory: whoever writes there takes a turn. */
  readonly hold: Hold;

  constructor(name: string, args: KernelConfigArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelConfig", name, {}, opts);
    const { host, developer, source, build, ccache, base, fragments } = args;
    const ofGuest = (what: "config" | "modules"): pulumi.Output<string> | undefined =>
      args.guest?.step(
        `${name}-guest-${what}`,
        { title: `read the ${what} of the guest's kernel`, create: guestScript(what) },
        { parent: this },
      ).stdout;
    const modules = args.localmodconfig ? ofGuest("modules") : undefined;
    const kept = { [build]: `${source.cache}/build`, [ccache]: `${source.cache}/ccache` };
    const hold = { directory: args.directory, what: "kernel-build", owner: args.owner };
    this.hold = hold;
    const step = host.step(
      name,
      {
        title: "configure the kernel",
        create: pulumi.all([source.hash, modules]).apply(([hash, modules]) =>
          lines(
            sh`# sources ${hash}`,
            takeTurn(hold, developer),
            takeKept(kept),
            takeHold(hold),
            configScript({
              developer,
              source: source.directory,
              build,
              base,
              fragments,
              ...(modules === undefined ? {} : { modules }),
            }),
          ),
        ),
        facts: configFacts(build),
        delete: releaseHold(
          hold,
          lines(
            keepInCache(kept),
            sh`rm -rf -- ${`${build}.config`}`,
            sh`rmdir -- "$(dirname ${build})" 2>/dev/null || true`,
          ),
        ),
        ...(base === "guest" ? { stdin: ofGuest("config") ?? "" } : {}),
      },
      { parent: this },
    );
    this.hash = step.stdout.apply((stdout) => result(stdout, ["config"]).config);
    this.registerOutputs({ hash: this.hash });
  }
}
