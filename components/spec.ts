import { z } from "zod";
import { crossProblems } from "./spec-cross.ts";
import { absolutePath, sourceTree } from "./spec-fields.ts";
import { boot, type KernelSpecs, kernel, kernels, kernelsOf } from "./spec-kernel.ts";
import { defaultMessage, linesOf, quoted, SpecError } from "./spec-problems.ts";

/**
 * The declarative spec of a stack: what `stacks/Pulumi.NAME.yaml` says under `duet:`.
 * It is checked whole before anything runs, and every problem is listed.
 */

const hostName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, {
  error: (issue) =>
    `asked for ${quoted(issue.input)}; a host name here has 1 to 32 lower-case letters, digits and inner hyphens`,
});

const userName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, {
  error: (issue) => `asked for ${quoted(issue.input)}; a user name has 1 to 32 of a-z, 0-9, _ and -, no digit first`,
});

const unixId = (what: string) =>
  z
    .int()
    .min(1, { error: (issue) => `asked for ${what} ${issue.input}; root is squashed over NFS, take 1 or more` })
    .max(4294967293);

const port = z
  .int({ error: (issue) => `asked for port ${quoted(issue.input)}; take a whole number from 1024 to 65535` })
  .min(1024, { error: (issue) => `asked for port ${issue.input}; take one from 1024 to 65535` })
  .max(65535, { error: (issue) => `asked for port ${issue.input}; take one from 1024 to 65535` });

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
  kernel: z.string().optional(),
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
  kernel: kernel.optional(),
  kernels: kernels.optional(),
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

/** A spec with every default filled in, and its kernels in one form. */
export type Spec = Omit<z.infer<typeof specShape>, "kernel" | "kernels"> & { readonly kernels: KernelSpecs };
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
  const { kernel, kernels, ...rest } = result.data;
  const spec = { ...rest, kernels: kernelsOf(kernel, kernels) };
  const both =
    kernel !== undefined && kernels !== undefined
      ? ["duet:kernels: asked for beside duet:kernel, which is its short form for one; leave out one of them"]
      : [];
  const problems = [...both, ...crossProblems(spec)];
  if (problems.length > 0) {
    throw new SpecError(problems);
  }
  return spec;
}
