import * as pulumi from "@pulumi/pulumi";
import type { Developer } from "../host/developer.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { sinceRecord } from "../machine/since-record.ts";
import type { DuetGuest } from "./duet-guest.ts";
import { freshSources, makeAsDeveloper } from "./make.ts";

export interface DuetToolsArgs {
  /** Absolute path of the tools' sources, the same on the host and in every guest; the Makefile is in `duet-progs`. */
  readonly directory: string;
  /** Hash of the sources: a change builds and installs again. */
  readonly sources: pulumi.Input<string>;
  /** Whom the sources belong to, on the host and in the guests. */
  readonly developer: pulumi.Input<Developer>;
  /** The guests; the first one builds. The module is loaded when `dependsOn` is done, as the check asks it. */
  readonly guests: readonly [DuetGuest, ...DuetGuest[]];
}

/** What the Makefiles install, the sample's and Duet's own. A name that is not there is no error. */
const programs = ["/usr/local/bin/duet", "/usr/local/bin/dummy_task"];
const libraries = ["/usr/local/lib/libduet.so.1", "/usr/local/lib/libduet.so", "/usr/local/lib/libduet.a"];
const headers = "/usr/local/include/duet";

const programsOf = (directory: string) => `${directory}/duet-progs`;
const builtIn = (progs: string) => [`${progs}/libduet.so.1`, `${progs}/duet`];

/** Builds library and tools as the developer, at the shared path. Prints `tools: …`, a checksum of what was built. */
export function buildTools(directory: string, developer: Developer, sources: string): Shell {
  const progs = programsOf(directory);
  const missing = `the tools are to be built in ${progs}, and there is no Makefile: check duet:sources`;
  return lines(
    sh`: sources ${sources}`,
    sh`[ -e ${`${progs}/Makefile`} ] || ${fail(sh`${missing}`)}`,
    freshSources(developer, progs),
    makeAsDeveloper(developer, "libduet and its tools", `${progs}/Makefile`, "-C", progs, "all"),
    sh`printf 'tools: %s\n' ${toolsChecksum(progs)}`,
  );
}

/** A checksum over library and command at the shared path, as far as they are there. */
function toolsChecksum(progs: string): Shell {
  return sh`"$(while read -r sum _; do printf %.8s "$sum"; done < <(timeout -s KILL 10 sha256sum -- ${builtIn(progs)} 2>/dev/null))"`;
}

/** The build that is at the shared path. */
export function buildToolsFacts(directory: string): Shell {
  const progs = programsOf(directory);
  return sinceRecord(builtIn(progs), sh`printf 'built: %s\n' ${toolsChecksum(progs)}`);
}

/**
 * Installs the tools under /usr/local, and checks them: the linker finds the library, and the command reaches the
 * module.
 *
 * @param build the checksum that the build printed: a change runs this again
 */
export function installTools(directory: string, build: string): Shell {
  const install = ["timeout", 300, "make", "-C", programsOf(directory), "install"];
  const failed = "the tools were built, and make install failed: see its lines above";
  const unlinked = "libduet was installed under /usr/local/lib, and the linker does not list it: see /etc/ld.so.conf.d";
  const unresolved = "the command duet was installed, and lacks ";
  const silent = "the command duet was installed, and `duet status report` fails: ";
  return lines(
    sh`: build ${build}`,
    sh`${install} </dev/null >&2 || ${fail(sh`${failed}`)}`,
    sh`ldconfig`,
    sh`ldconfig -p | grep '^[[:space:]]*libduet\.so' >/dev/null || ${fail(sh`${unlinked}`)}`,
    sh`lacks=$(ldd /usr/local/bin/duet 2>&1 | grep 'not found' | tr -s '\t\n' ' ' || true)`,
    sh`[ -z "$lacks" ] || ${fail(sh`${unresolved}"$lacks"`)}`,
    sh`report=$(timeout 60 /usr/local/bin/duet status report </dev/null 2>&1) ||`,
    fail(sh`${silent}"$(printf '%s' "$report" | head -n 1)"`),
    sh`printf '%s\n' "$report"`,
  );
}

/** Checksums of what is installed, and whether the linker knows it. */
export function installToolsFacts(): Shell {
  const facts = lines(
    sh`while read -r sum file; do printf '%s: %.16s\n' "$file" "$sum"
done < <(sha256sum -- ${programs} ${libraries} ${headers}/* 2>/dev/null)`,
    sh`while read -r name _ _ file; do printf 'linker finds %s: %s\n' "$name" "$file"
done < <(ldconfig -p | grep -F -e libduet.so)`,
  );
  return sinceRecord([...programs, ...libraries, sh`${headers}/*`, "/etc/ld.so.cache"], facts);
}

/** Removes what was installed, and nothing else; sources and build stay. */
export function removeTools(): Shell {
  return lines(
    sh`rm -f -- ${programs} ${libraries} ${headers}/*.h`,
    sh`if [ -d ${headers} ]; then rmdir --ignore-fail-on-non-empty -- ${headers}; fi`,
    sh`ldconfig`,
  );
}

/**
 * libduet, the command `duet` and the dummy task: built once, in the first guest, at the shared path; installed under
 * /usr/local in each.
 *
 * Source: guide, step 14. Errors: the compiler's first one; a library that the linker does not find; what
 * `duet status report` says when it does not reach the module.
 */
export class DuetTools extends pulumi.ComponentResource {
  /** By guest's name, the resource after which the tools are installed. */
  readonly installed: Readonly<Record<string, pulumi.Resource>>;

  constructor(name: string, args: DuetToolsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:duet:DuetTools", name, {}, opts);
    const { directory, guests } = args;
    const build = guests[0].machine.step(
      `${name}-build`,
      {
        title: "build the tools",
        create: pulumi
          .all([args.developer, args.sources])
          .apply(([developer, sources]) => buildTools(directory, developer, sources)),
        facts: buildToolsFacts(directory),
      },
      { parent: this, dependsOn: [...guests[0].dependsOn] },
    );
    const built = build.stdout.apply((stdout) => result(stdout, ["tools"]).tools);
    const installed: Record<string, pulumi.Resource> = {};
    for (const guest of guests) {
      installed[guest.name] = guest.machine.step(
        `${name}-${guest.name}`,
        {
          title: "install the tools",
          create: built.apply((sum) => installTools(directory, sum)),
          facts: installToolsFacts(),
          delete: removeTools(),
        },
        { parent: this, dependsOn: [...guest.dependsOn, build.resource] },
      ).resource;
    }
    this.installed = installed;
    this.registerOutputs({});
  }
}
