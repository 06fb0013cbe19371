/** Fields of a spec that more than one part of it has. */
import { isAbsolute, normalize } from "node:path/posix";
import { z } from "zod";
import { quoted } from "./spec-problems.ts";

export const absolutePath = z
  .string()
  .refine((path) => isAbsolute(path) && normalize(path) === path && path !== "/" && !path.endsWith("/"), {
    error: (issue) =>
      `asked for ${quoted(issue.input)}, which is not a plain absolute path; write one like /media/data/duet`,
  })
  // These are written to /etc/fstab and to export files, whose fields end at white space.
  .refine((path) => /^[\w@%+=:,./-]*$/.test(path), {
    error: (issue) => `asked for ${quoted(issue.input)}; a shared path has letters, digits and @%+=:,./_- only`,
  });

/** A file or folder of the project's, or an absolute path: it stands in messages. */
export const fileName = z.string().regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,1024}$/u);

const gitReference = z.string().regex(/^(?!-)(?!.*\.\.)[\w./-]{1,200}$/, {
  error: (issue) => `asked for ${quoted(issue.input)}, which git does not take as a branch, a tag or a commit`,
});

const gitUrl = z.string().regex(/^(?:https?:\/\/|ssh:\/\/|git:\/\/|file:\/\/|\/|[\w.-]+@[\w.-]+:)[^\s]+$/, {
  error: (issue) => `asked for ${quoted(issue.input)}, which git does not take as a URL`,
});

export const sourceTree = z.union(
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
