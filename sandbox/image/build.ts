import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { imagePackages } from "../../components/host/package-lists.ts";
import { scriptText } from "../../components/machine/script.ts";
import { sh } from "../../components/machine/shell.ts";
import { exclusive } from "../exclusive.ts";
import { requirePackages } from "../packages.ts";
import { baseDirectory } from "../paths.ts";
import { processName } from "../processes.ts";
import { entryPoint, type Report, reportTo, UserError } from "../report.ts";
import { overlayFiles, writeOverlay } from "./overlay.ts";
import { debianRecipe, debianWith, type ImageRecipe } from "./recipe.ts";

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

/**
 * Keys whose image is the one of another key, so that a stack that stands keeps its guests.
 *
 * 5f918b77920933c5: before its files and scripts were moved out of TypeScript. All that has changed since is for how
 * long a guest waits for its seed at a boot, and that its kernel speaks during one. If you change more than a guest
 * which stands can do without, the image is another one: remove the entry and its test. After a smaller change the test
 * names the new key.
 */
const sameImage: Readonly<Record<string, string>> = { a215f6ea2a1f5bc7: "5f918b77920933c5" };

/** The scripts that make an image, in their order. `finish` is run by `tree`, in a chroot. */
function scriptsOf(recipe: ImageRecipe, mirror?: string) {
  const { suite, packages, kept, enabled, masked, size, diskId } = recipe;
  return {
    tree: scriptText(import.meta.url, "tree.sh", { suite, packages, mirror }),
    finish: scriptText(import.meta.url, "finish.sh", { kept, enabled, masked }),
    disk: scriptText(import.meta.url, "disk.sh", { size, disk_id: diskId }),
    pack: scriptText(import.meta.url, "pack.sh", {}),
  };
}

/** Hash of all that an image is made from, where its packages come from aside. */
function recipeKey(recipe: ImageRecipe = debianRecipe): string {
  const made = [recipe, overlayFiles(recipe.commandLine), scriptsOf(recipe)];
  return createHash("sha256").update(JSON.stringify(made)).digest("hex").slice(0, 16);
}

/** Where the image is, or would be. */
export function guestImagePath(cacheHome: string, recipe: ImageRecipe = debianRecipe): string {
  const key = recipeKey(recipe);
  return join(cacheHome, "duet/image", sameImage[key] ?? key, "debian-12.qcow2");
}

/**
 * The guest image: from the cache, or built into it.
 *
 * A build that is cut off leaves a work folder, which the next build removes; the image appears whole or not at all.
 *
 * @throws UserError with the last lines of what failed, or with the packages that are missing
 */
async function guestImage(args: GuestImageArgs): Promise<GuestImage> {
  const recipe = args.recipe ?? debianRecipe;
  const path = guestImagePath(args.cacheHome, recipe);
  const cached = () => ({ path, sha256: readFileSync(`${path}.sha256`, "utf8").slice(0, 64) });
  if (existsSync(path)) {
    return cached();
  }
  if (process.getuid?.() !== 0) {
    throw new UserError("cannot build the guest image: it needs root; run as root or through sudo");
  }
  requirePackages("build the guest image", imagePackages);
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
      await bash("remove what an interrupted build left", sh`rm -rf --one-file-system -- ${left}`.shell, images);
    }
  }
  const work = join(images, `.work-${process.pid}`);
  mkdirSync(work, { mode: 0o700 });
  try {
    const scripts = scriptsOf(recipe, args.mirror);
    writeOverlay(overlayFiles(recipe.commandLine), join(work, "overlay"));
    writeFileSync(join(work, "finish.sh"), scripts.finish);
    await args.report("install Debian 12 into a folder", () => bash("install Debian 12", scripts.tree, work));
    await args.report("make its disk", () => bash("make the disk", scripts.disk, work));
    const sum = await args.report("pack the disk as qcow2", () => bash("pack the disk", scripts.pack, work));
    const done = join(work, "done");
    mkdirSync(done);
    renameSync(join(work, "debian-12.qcow2"), join(done, "debian-12.qcow2"));
    writeFileSync(join(done, "debian-12.qcow2.sha256"), sum);
    renameSync(done, dirname(path));
  } finally {
    await bash("remove the work folder", sh`rm -rf --one-file-system -- ${work}`.shell, images);
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
    child.on("error", (error) => reject(new UserError(`cannot ${what}: ${error.message}`)));
    child.on("close", (status, signal) => {
      if (status === 0) {
        resolve(printed);
      } else {
        const last = said.trim().split("\n").slice(-5).join("; ");
        reject(new UserError(`cannot ${what}: ${last || `ended by ${signal ?? status}`}`));
      }
    });
  });
}

/** Words of the command that builds an image; packages that it has besides may follow. */
export const buildCommand: readonly string[] = [process.execPath, import.meta.filename];

// Node has the former from 24.2 on, and whoever imports the package may have an older one. Nothing is awaited here: what
// `require` takes, as Pulumi does for a plugin, must not.
if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  void entryPoint("image", async () => {
    const cacheHome = baseDirectory(process.env, "XDG_CACHE_HOME");
    const recipe = debianWith(process.argv.slice(2));
    const image = await guestImage({ cacheHome, recipe, report: reportTo("image") });
    console.log(`${image.path}\n${image.sha256}`);
  });
}
