import { isAbsolute, normalize } from "node:path/posix";
import { z } from "zod";
import { crossProblems } from "./spec-cross.ts";
import { defaultMessage, linesOf, quoted, SpecError } from "./spec-problems.ts";

/**
 * The declarative spec of a stack: what `stacks/Pulumi.NAME.yaml` says under `duet:`.
 * It is checked whole before anything runs, and every problem is listed.
 */

const absolutePath = z
  .string()
  .refine((path) => isAbsolute(path) && normalize(path) === path && path !== "/" && !path.endsWith("/"), {
    error: (issue) =>
      `asked for ${quoted(issue.input)}, which is not a plain absolute path; write one like /media/data/duet`,
  })
  // These are written to /etc/fstab and to export files, whose fields end at white space.
  .refine((path) => /^[\w@%+=:,./-]*$/.test(path), {
    error: (issue) => `asked for ${quoted(issue.input)}; a shared path has letters, digits and @%+=:,./_- only`,
  });

const hostName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, {
  error: (issue) =>
    `asked for ${quoted(issue.input)}; a host name here has 1 to 32 lower-case letters, digits and inner hyphens`,
});

const userName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, {
  error: (issue) => `asked for ${quoted(issue.input)}; a user name has 1 to 32 of a-z, 0-9, _ and -, no digit first`,
});

const gitReference = z.string().regex(/^(?!-)(?!.*\.\.)[\w./-]{1,200}$/, {
  error: (issue) => `asked for ${quoted(issue.input)}, which git does not take as a branch, a tag or a commit`,
});

const gitUrl = z.string().regex(/^(?:https?:\/\/|ssh:\/\/|git:\/\/|file:\/\/|\/|[\w.-]+@[\w.-]+:)[^\s]+$/, {
  error: (issue) => `asked for ${quoted(issue.input)}, which git does not take as a URL`,
});

const unixId = (what: string) =>
  z
    .int()
    .min(1, { error: (issue) => `asked for ${what} ${issue.input}; root is squashed over NFS, take 1 or more` })
    .max(4294967293);

/** A file or folder of the project's, or an absolute path: it stands in messages. */
const fileName = z.string().regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,1024}$/u);

const sourceTree = z.union(
  [
    z.strictObject({ git: gitUrl, branch: gitReference.optional(), submodules: z.boolean().optional() }),
    z.strictObject({ package: z.string().regex(/^linux-source-[\w.+-]+$/) }),
    z.strictObject({ tree: absolutePath }),
    z.strictObject({ copy: fileName }),
  ],
  {
    error:
      "takes one of { git, branch, submodules }, { package: linux-source-… }, { tree: /absolute/path } and { copy: folder }",
  },
);

const kconfigLine = z.string().regex(/^(?:CONFIG_\w+=\S.*|# CONFIG_\w+ is not set)$/, {
  error: (issue) =>
    `asked for ${quoted(issue.input)}; a symbol is written CONFIG_NAME=value or "# CONFIG_NAME is not set"`,
});

const port = z
  .int({ error: (issue) => `asked for port ${quoted(issue.input)}; take a whole number from 1024 to 65535` })
  .min(1024, { error: (issue) => `asked for port ${issue.input}; take one from 1024 to 65535` })
  .max(65535, { error: (issue) => `asked for port ${issue.input}; take one from 1024 to 65535` });

const toolchain = z.union(
  [
    z.literal("host"),
    z.strictObject({
      suite: z.string().regex(/^[a-z][a-z0-9-]{1,40}$/),
      mirror: z.url({ protocol: /^https?$/ }).optional(),
    }),
    z.strictObject({ root: absolutePath }),
    z.strictObject({ cc: z.string().regex(/^(?!-)[\w+./-]{1,200}$/) }),
  ],
  { error: "takes one of host, { suite: bullseye, mirror: https://… }, { root: /absolute/path } and { cc: gcc-9 }" },
);

const debianPackage = z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,100}$/, {
  error: (issue) => `asked for ${quoted(issue.input)}, which is no name of a Debian package`,
});

/** What is kept of a guest's crashes, and what becomes of the guest. */
const crashes = z.strictObject({
  dumps: z.int().min(0).max(100).default(3),
  space: z.int().min(1).max(4096).default(8),
  after: z.enum(["stay", "reset"]).default("stay"),
  directory: absolutePath.optional(),
});

/** How a guest comes to its kernel. */
const boot = z.enum(["installed", "direct"]);

const virtualMachine = z.strictObject({
  name: hostName,
  memory: z
    .int()
    .min(512, {
      error: (issue) =>
        `asked for ${issue.input} MiB; Duet fails page allocations under 512 MiB (guide, tips): take 512 or more`,
    })
    .max(1024 * 1024)
    .default(1024),
  vcpus: z.int().min(1).max(256).default(2),
  disk: z.int().min(4).max(1024).default(8),
  gdbPort: port.optional(),
  bootTimeout: z.int().min(30).max(86400).default(600),
  boot: boot.optional(),
  snapshot: z.boolean().default(false),
});

const specShape = z.strictObject({
  host: z
    .strictObject({
      sandbox: z.boolean().default(false),
      uri: z
        .string()
        .regex(/^qemu(?:\+\w+)?:\/\/[^\s\p{C}]*$/u)
        .default("qemu:///system"),
      nfsServer: z.enum(["auto", "kernel", "ganesha"]).default("auto"),
      accelerator: z.enum(["auto", "kvm", "tcg"]).default("auto"),
      stub: z.enum(["port", "socket"]).default("port"),
      console: z.boolean().optional(),
      crashes: crashes.prefault({}),
    })
    .prefault({}),
  developer: z
    .strictObject({
      user: userName.default("duet"),
      uid: unixId("UID").optional(),
      gid: unixId("GID").optional(),
      conflict: z.enum(["move", "fail"]).default("move"),
    })
    .prefault({}),
  sources: z.strictObject({
    directory: absolutePath.default("/media/data/duet"),
    kernel: sourceTree,
    module: sourceTree,
    tools: sourceTree,
  }),
  image: z
    .union(
      [
        z.strictObject({ build: z.literal("debian-12") }),
        z.strictObject({
          path: absolutePath,
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .optional(),
        }),
        z.strictObject({ url: z.url({ protocol: /^https?$/ }), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
      ],
      { error: "takes one of { build: debian-12 }, { path, sha256 } and { url, sha256 }, sha256 in 64 hex digits" },
    )
    .default({ build: "debian-12" }),
  kernel: z
    .strictObject({
      base: z.union([z.enum(["guest", "tiny", "defconfig"]), absolutePath]).default("guest"),
      localmodconfig: z.boolean().default(true),
      fragments: z.array(fileName).default([]),
      config: z.array(kconfigLine).default([]),
      toolchain: toolchain.default("host"),
      packages: z.array(z.enum(["headers", "debug"])).default([]),
      boot: boot.default("installed"),
    })
    .prefault({}),
  module: z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z][a-z0-9_-]{0,54}$/)
        .default("duet"),
      build: z.enum(["guest", "host"]).optional(),
      debug: z.boolean().default(false),
      breakpoint: z
        .string()
        .regex(/^[A-Za-z_]\w*$/)
        .optional(),
      probation: z.int().min(1).max(3600).default(60),
    })
    .prefault({}),
  tools: z
    .strictObject({
      perf: z
        .union([z.boolean(), z.enum(["source", "package"])], { error: "takes one of false, true, source and package" })
        .default(false),
      packages: z.array(debianPackage).default([]),
    })
    .prefault({}),
  vms: z
    .array(virtualMachine)
    .min(1, { error: "asked for no VM; name one at least" })
    .max(16, { error: "asked for more than 16 VMs; a stack holds 16" }),
});

/** The shape of a spec as JSON schema: of what may be written, with its defaults. */
export function specSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(specShape, { io: "input" });
}

/** A spec with every default filled in. */
export type Spec = z.infer<typeof specShape>;
/** A spec as it is written: what has a default may be left out. docs/reference/spec.md has each key in words. */
export type SpecInput = z.input<typeof specShape>;
/** One entry of `duet:vms`. */
export type VirtualMachineSpec = Spec["vms"][number];
/** One entry of `duet:sources`. */
export type SourceSpec = z.infer<typeof sourceTree>;

const prefix = "duet:";

/**
 * The values under `duet:` in a stack's configuration, by key.
 *
 * @param config what pulumi hands on: a string as it stands in the stack's file, and all else as JSON. Source:
 * MarshalString in its sdk/go/common/resource/config/object.go
 */
export function valuesOf(config: Readonly<Record<string, string>>): Record<string, unknown> {
  const named = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  // Not one by one: a key may be __proto__.
  return Object.fromEntries(named.map(([key, text]) => [key.slice(prefix.length), readValue(text)]));
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A plain string is not JSON; the spec says what it should have been.
    return text;
  }
}

/**
 * Checks the whole of a spec and fills in its defaults. Runs nothing.
 *
 * @param config the values under `duet:` in a stack's configuration, by key
 * @throws SpecError with every problem found
 */
export function parseSpec(config: unknown): Spec {
  const result = specShape.safeParse(config, { error: defaultMessage });
  if (!result.success) {
    throw new SpecError(result.error.issues.flatMap(linesOf));
  }
  const problems = crossProblems(result.data);
  if (problems.length > 0) {
    throw new SpecError(problems);
  }
  return result.data;
}
