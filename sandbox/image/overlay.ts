import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** A file that the image gets on top of its packages. */
export interface OverlayFile {
  /** Path below the image's root. */
  readonly path: string;
  /** Permissions: a checkout keeps the executable bit and no other. */
  readonly mode: number;
  readonly text: string;
}

const folder = join(import.meta.dirname, "overlay");

/**
 * The files of overlay/, which mirrors the image, in the order of their paths. Names are percent-encoded there: npm
 * packs no backslash, which units have.
 *
 * @param commandLine what takes the place of @commandLine@
 */
export function overlayFiles(commandLine: string): readonly OverlayFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({
      path: decodeURIComponent(relative(folder, file)),
      mode: statSync(file).mode & 0o100 ? 0o755 : 0o644,
      text: readFileSync(file, "utf8").replaceAll("@commandLine@", commandLine),
    }));
}

/** Writes the files below a folder. */
export function writeOverlay(files: readonly OverlayFile[], target: string): void {
  for (const { path, mode, text } of files) {
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
  }
}
