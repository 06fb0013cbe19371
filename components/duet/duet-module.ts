import * as pulumi from "@pulumi/pulumi";
import type { Developer } from "../host/developer.ts";
import { readBuildId } from "../machine/build-id.ts";
import { checksumFact } from "../machine/checksum.ts";
import type { Machine } from "../machine/machine.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { sinceRecord } from "../machine/since-record.ts";
import type { DuetGuest } from "./duet-guest.ts";
import { freshSources, makeAsDeveloper } from "./make.ts";

export interface DuetModuleArgs {
  /** Absolute path of the module's sources, the same on the host and in every guest. */
  readonly directory: string;
  /** Absolute path of the kernel's build directory, the same on the host and in every guest. */
  readonly buildDirectory: string;
  /** Name of the module, whose object is `NAME.ko`. Defaults to "duet". */
  readonly module?: string;
  /** Hash of the sources: a change builds again. */
  readonly sources: pulumi.Input<string>;
  /** What tells builds of the kernel apart: a change builds, installs and loads again. */
  readonly kernel: pulumi.Input<string>;
  /** Whom the sources belong to, on the host and in the guests. */
  readonly developer: pulumi.Input<Developer>;
  /** The guests. */
  readonly guests: readonly [DuetGuest, ...DuetGuest[]];
  /**
   * The host that builds, with the compiler that has built the kernel. Defaults to none: the first guest builds, as the
   * guide has it. Without KVM a guest takes ten times as long.
   */
  readonly host?: Machine;
}

/** The paths and the name that the scripts of the module are about. */
export interface ModulePaths {
  /** Absolute path of the module's sources. */
  readonly directory: string;
  /** Absolute path of the kernel's build directory. */
  readonly buildDirectory: string;
  /** Name of the module. */
  readonly module: string;
}

const objectFile = ({ directory, module }: ModulePaths) => `${directory}/${module}.ko`;
const autoloadFile = (module: string) => `/etc/modules-load.d/${module}.conf`;

/** The build id in a module's file, or nothing. A server that does not answer is not waited for. */
function buildIdOfFile(file: string): Shell {
  return sh`"$(while read -r word1 word2 id; do if [ "$word1 $word2" = 'Build ID:' ]; then printf %s "$id"; fi
done < <(LC_ALL=C timeout -s KILL 10 readelf -n -- ${file} 2>/dev/null))"`;
}

/** Puts the build id of the loaded module into `$id`, or nothing. */
function readBuildIdOfLoaded(module: string): Shell {
  return readBuildId(`/sys/module/${module}/notes/.note.gnu.build-id`);
}

/**
 * Builds the module as the developer, at the shared path, which is where gdb looks for its lines.
 * Prints `build-id: …`.
 */
export function buildModule(paths: ModulePaths, developer: Developer, sources: string, kernel: string): Shell {
  const { directory, buildDirectory, module } = paths;
  const configuration = `${buildDirectory}/include/config/auto.conf`;
  const symbols = `${buildDirectory}/Module.symvers`;
  const missing = `module ${module} is to be built in ${directory}, and there is no Makefile: check duet:sources`;
  const unbuilt = `module ${module} is to be built for the kernel in ${buildDirectory}, which is not built: run pulumi up`;
  const noObject = `module ${module} was asked for, and make in ${directory} made no ${module}.ko: check duet:module.name`;
  return lines(
    sh`: sources ${sources} kernel ${kernel}`,
    sh`[ -e ${`${directory}/Makefile`} ] || [ -e ${`${directory}/Kbuild`} ] || ${fail(sh`${missing}`)}`,
    sh`[ -e ${symbols} ] || ${fail(sh`${unbuilt}`)}`,
    freshSources(developer, directory, symbols, configuration),
    makeAsDeveloper(developer, `module ${module}`, symbols, "-C", buildDirectory, `M=${directory}`, "modules"),
    sh`[ -e ${objectFile(paths)} ] || ${fail(sh`${noObject}`)}`,
    sh`printf 'build-id: %s\n' ${buildIdOfFile(objectFile(paths))}`,
  );
}

/** The build that is at the shared path. */
export function buildFacts(paths: ModulePaths): Shell {
  const file = objectFile(paths);
  return sinceRecord([file], sh`printf 'built: %s\n' ${buildIdOfFile(file)}`);
}

/** Defines `unload`: takes the loaded module out, or says who holds it. */
function unloadFunction(module: string): Shell {
  const held = `module ${module} is to be unloaded, and is held by `;
  return sh`unload() {
  local who
  timeout 60 rmmod ${module} 2>/dev/null && return
  [ -d ${`/sys/module/${module}`} ] || return 0
  who=$({ find /proc/[0-9]*/fd -lname ${`/dev/${module}*`} 2>/dev/null || true; } | cut -d/ -f3 | sort -un |
    while read -r pid; do printf '%s (pid %s), ' "$(cat "/proc/$pid/comm" 2>/dev/null)" "$pid"; done)
  who="$who$(ls ${`/sys/module/${module}/holders`} 2>/dev/null | sed 's/$/ (module), /' | tr -d '\n')"
  who=$(printf '%s' "$who" | sed 's/, $//')
  [ -n "$who" ] || who="a use count of $(cat ${`/sys/module/${module}/refcnt`} 2>/dev/null)"
  ${fail(sh`${held}"$who: end that and run this again"`)}
}`;
}

/** Defines `load`: puts the installed module in, or says what the kernel has against it. */
function loadFunction(module: string): Shell {
  const refused = `module ${module} is to be loaded, and the kernel refuses it: `;
  const reasons = `${module}: (Unknown symbol|version magic|disagrees about|module verification|Loading of)`;
  return sh`load() {
  local mark errors why
  mark=${`loading ${module}, `}$(date +%s%N)
  printf '%s\n' "$mark" >/dev/kmsg
  errors=$(timeout 120 modprobe ${module} 2>&1) && return
  why=$(dmesg | sed -e "0,/$mark/d" -e 's/^\[[ 0-9.]*\] //' |
    { grep -E -e ${reasons} || true; } | sort -u | head -n 5 | tr '\n' ';' | sed 's/;$//; s/;/; /g')
  [ -n "$why" ] || why=$errors
  ${fail(sh`${refused}"$(printf '%s' "$why" | tr '\n' ' ')"`)}
}`;
}

/**
 * Installs the module for the kernel that runs, has it loaded at boot, and loads it; another build that is loaded is
 * replaced. Prints `build-id: …` of what is loaded then.
 *
 * @param build the build id that the build printed: a change runs this again
 */
export function installModule(paths: ModulePaths, build: string, kernel: string): Shell {
  const { directory, buildDirectory, module } = paths;
  const file = objectFile(paths);
  const autoload = autoloadFile(module);
  const install = ["timeout", 300, "make", "-C", buildDirectory, `M=${directory}`, "modules_install"];
  const wrong = sh`${`module ${module} is built for kernel `}"$kernel, and this guest runs $(uname -r): boot that kernel with pulumi up"`;
  const other = sh`${`module ${module} was installed from ${file}, and modprobe loads another build, from `}"$(modinfo -n ${module}): remove that file"`;
  return lines(
    sh`: build ${build} kernel ${kernel}`,
    unloadFunction(module),
    loadFunction(module),
    sh`kernel=$(modinfo -F vermagic ${file} | cut -d' ' -f1)`,
    sh`[ "$kernel" = "$(uname -r)" ] || ${fail(wrong)}`,
    sh`${install} </dev/null >&2 || ${fail(sh`${`module ${module} was built, and make modules_install failed: see its lines above`}`)}`,
    sh`timeout 120 depmod </dev/null >&2`,
    sh`printf '%s\n' ${module} >${`${autoload}.new`}; mv -- ${`${autoload}.new`} ${autoload}`,
    sh`wanted=${buildIdOfFile(file)}`,
    readBuildIdOfLoaded(module),
    sh`if [ -d ${`/sys/module/${module}`} ] && { [ -z "$wanted" ] || [ "$id" != "$wanted" ]; }; then unload; fi`,
    sh`[ -d ${`/sys/module/${module}`} ] || load`,
    readBuildIdOfLoaded(module),
    sh`[ "$id" = "$wanted" ] || ${fail(other)}`,
    sh`printf 'build-id: %s\n' "$id"`,
  );
}

/** Whether the module is loaded, from which build, from which file it is at the next boot, and whether it is then. */
export function installFacts(module: string): Shell {
  // modprobe finds the module by this list. The file is in no folder that leads to the sources, whose server may be dead.
  const list = sh`/lib/modules/"$release"/modules.dep`;
  const installed = sh`/lib/modules/"$release"/[!bs]*/${module}.ko`;
  return lines(
    sh`read -r release </proc/sys/kernel/osrelease`,
    sh`if [ -d ${`/sys/module/${module}`} ]; then echo 'module: loaded'; else echo 'module: not loaded'; fi`,
    readBuildIdOfLoaded(module),
    sh`printf 'module build: %s\n' "$id"`,
    sinceRecord([list, installed], checksumFact("module file", sh`"$(modinfo -n ${module} 2>/dev/null)"`), [
      "module file: ",
    ]),
    sh`read -r name <${autoloadFile(module)} || name=; printf 'loaded at boot: %s\n' "$name"`,
  );
}

/** Unloads the module and removes what was installed; sources and build stay. */
export function removeModule(module: string): Shell {
  return lines(
    unloadFunction(module),
    sh`rm -f -- ${autoloadFile(module)}`,
    sh`if [ -d ${`/sys/module/${module}`} ]; then unload; fi`,
    sh`file=$(modinfo -n ${module} 2>/dev/null || true)`,
    sh`if [ -n "$file" ] && [ -e "$file" ]; then rm -f -- "$file"; timeout 120 depmod >&2; fi`,
  );
}

/**
 * The Duet module: built once, in the first guest or on the host, at the path that they share; installed and loaded in
 * each guest, and again at each of its boots.
 *
 * Source: guide, step 12. Errors: the compiler's first one; the kernel for which the module was built, where another
 * runs; the symbol that the kernel lacks; the program that holds the module, where it is to be replaced.
 */
export class DuetModule extends pulumi.ComponentResource {
  /** Build id of the module, which `/sys/module/NAME/notes` has too once it is loaded. */
  readonly buildId: pulumi.Output<string>;
  /** By guest's name, the resource after which the module is loaded. */
  readonly loaded: Readonly<Record<string, pulumi.Resource>>;

  constructor(name: string, args: DuetModuleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:duet:DuetModule", name, {}, opts);
    const { directory, buildDirectory, module = "duet", guests } = args;
    const paths: ModulePaths = { directory, buildDirectory, module };
    const build = (args.host ?? guests[0].machine).step(
      `${name}-build`,
      {
        title: `build module ${module}`,
        create: pulumi
          .all([args.developer, args.sources, args.kernel])
          .apply(([developer, sources, kernel]) => buildModule(paths, developer, sources, kernel)),
        facts: buildFacts(paths),
      },
      { parent: this, dependsOn: args.host === undefined ? [...guests[0].dependsOn] : [] },
    );
    this.buildId = build.stdout.apply((stdout) => result(stdout, ["build-id"])["build-id"]);
    const loaded: Record<string, pulumi.Resource> = {};
    for (const guest of guests) {
      loaded[guest.name] = guest.machine.step(
        `${name}-${guest.name}`,
        {
          title: `load module ${module}`,
          create: pulumi.all([this.buildId, args.kernel]).apply(([id, kernel]) => installModule(paths, id, kernel)),
          facts: installFacts(module),
          delete: removeModule(module),
        },
        { parent: this, dependsOn: [...guest.dependsOn, build.resource] },
      ).resource;
    }
    this.loaded = loaded;
    this.registerOutputs({ buildId: this.buildId });
  }
}
