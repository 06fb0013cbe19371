import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exclusive } from "../exclusive.ts";
import { imagePackages, missingPackages } from "../packages.ts";
import { baseDirectory } from "../paths.ts";
import { processName } from "../processes.ts";
import { entryPoint, type Report, reportTo, UserError } from "../report.ts";
import { debianRecipe, type ImageRecipe, recipeKey } from "./recipe.ts";
import { finishTree, makeDisk, makeTree, packDisk } from "./scripts.ts";

/** A guest image in the cache. */
export interface GuestImage {
  /** Absolute path of the qcow2. */
  readonly path: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

export interface GuestImageArgs {
  /** Absolute path: $XDG_CACHE_HOME, or its default. */
  readonly cacheHome: string;
  /** Where steps are told. */
  readonly report: Report;
  /** What the image is made from. Defaults to Debian 12. */
  readonly recipe?: ImageRecipe;
  /** Debian mirror. Defaults to mmdebstrap's own. */
  readonly mirror?: string;
}

/** Where the image is, or would be. Reads nothing, makes nothing. */
export function guestImagePath(cacheHome: string, recipe: ImageRecipe = debianRecipe): string {
  const script = [makeTree(recipe, undefined), finishTree(recipe), makeDisk(recipe), packDisk()];
  const key = recipeKey(recipe, script.map((part) => part.shell).join("\n"));
  return join(cacheHome, "duet/image", key, "debian-12.qcow2");
}

/**
 * The guest image: from the cache, or built into it.
 *
 * A build that is cut off leaves a work folder, which the next build removes; the image appears whole or not at all.
 *
 * @throws UserError with the last lines of what failed, or with the packages that are missing
 */
export async function guestImage(args: GuestImageArgs): Promise<GuestImage> {
  const recipe = args.recipe ?? debianRecipe;
  const path = guestImagePath(args.cacheHome, recipe);
  const cached = () => ({ path, sha256: readFileSync(`${path}.sha256`, "utf8").slice(0, 64) });
  if (existsSync(path)) {
    return cached();
  }
  if (process.getuid?.() !== 0) {
    throw new UserError("to build the guest image needs root: run as root or through sudo");
  }
  const missing = missingPackages(imagePackages);
  if (missing.length > 0) {
    throw new UserError(`packages are missing: ${missing.join(" ")}; \`node sandbox/cli.ts packages\` installs them`);
  }
  // One build of an image at a time: the other waits, and finds it made.
  const release = await exclusive(path, `image:${path}`, 1_800_000, "another build");
  try {
    if (!existsSync(path)) {
      await build(path, recipe, args);
    }
    return cached();
  } finally {
    release();
  }
}

async function build(path: string, recipe: ImageRecipe, args: GuestImageArgs): Promise<void> {
  const images = dirname(dirname(path));
  mkdirSync(images, { recursive: true });
  for (const left of readdirSync(images).filter((name) => name.startsWith(".work-"))) {
    if (processName(Number(left.slice(".work-".length))) === undefined) {
      await bash("remove what an interrupted build left", `rm -rf --one-file-system -- ${left}`, images);
    }
  }
  const work = join(images, `.work-${process.pid}`);
  mkdirSync(work, { mode: 0o700 });
  try {
    for (const [file, { text, mode }] of Object.entries(recipe.files)) {
      const target = join(work, "overlay", file);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text.replaceAll("@commandLine@", recipe.commandLine), { mode: mode ?? 0o644 });
    }
    writeFileSync(join(work, "finish.sh"), finishTree(recipe).shell);
    await args.report("install Debian 12 into a folder", () =>
      bash("install Debian 12", makeTree(recipe, args.mirror).shell, work),
    );
    await args.report("make its disk", () => bash("make the disk", makeDisk(recipe).shell, work));
    const sum = await args.report("pack the disk as qcow2", () => bash("pack the disk", packDisk().shell, work));
    const done = join(work, "done");
    mkdirSync(done);
    renameSync(join(work, "debian-12.qcow2"), join(done, "debian-12.qcow2"));
    writeFileSync(join(done, "debian-12.qcow2.sha256"), sum);
    renameSync(done, dirname(path));
  } finally {
    await bash("remove the work folder", `rm -rf --one-file-system -- .work-${process.pid}`, images);
  }
}

/**
 * Runs bash in mount and process namespaces of its own, which end with this process.
 *
 * @returns what it printed
 * @throws UserError with its last words
 */
function bash(what: string, script: string, cwd: string): Promise<string> {
  const isolated = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  const words = ["--pdeathsig", "KILL", ...isolated, "bash", "-c", script];
  return new Promise((resolve, reject) => {
    const child = spawn("setpriv", words, {
      cwd,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", HOME: "/root" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 1_800_000,
    });
    let printed = "";
    let said = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-4000);
    });
    child.on("error", (error) => reject(new UserError(`could not ${what}: ${error.message}`)));
    child.on("close", (status, signal) => {
      if (status === 0) {
        resolve(printed);
      } else {
        const last = said.trim().split("\n").slice(-5).join("; ");
        reject(new UserError(`could not ${what}: ${last || `ended by ${signal ?? status}`}`));
      }
    });
  });
}

if (import.meta.main) {
  await entryPoint("image", async () => {
    const cacheHome = baseDirectory(process.env, "XDG_CACHE_HOME");
    const image = await guestImage({ cacheHome, report: reportTo("image") });
    console.log(`${image.path}\n${image.sha256}`);
  });
}
