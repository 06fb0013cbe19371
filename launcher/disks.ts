import { existsSync, type StatsFs, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Bytes that a kernel takes, with its sources, its build and what ccache keeps of it. */
export const needed = 4e9;

interface Disk {
  readonly left: number;
  readonly size: number;
  readonly folders: string[];
}

/**
 * What is to be said of the disks that are nearly full: a line each.
 *
 * @param folders absolute paths of what grows, there or not
 */
export function nearlyFull(folders: readonly string[]): readonly string[] {
  const disks = new Map<number, Disk>();
  for (const folder of folders) {
    const there = nearest(folder);
    const { dev } = statSync(there);
    const disk = disks.get(dev) ?? { ...spaceOf(statfsSync(there)), folders: [] };
    disk.folders.push(folder);
    disks.set(dev, disk);
  }
  return [...disks.values()].flatMap(({ left, size, folders }) =>
    left < needed
      ? `the disk of ${folders.join(", ")} has ${gigabytes(left)} GB left of ${gigabytes(size)}, and a kernel takes ` +
        `${needed / 1e9}: free some`
      : [],
  );
}

function spaceOf({ bavail, blocks, bsize }: StatsFs): { readonly left: number; readonly size: number } {
  return { left: bavail * bsize, size: blocks * bsize };
}

/** The folder, or the first one above it that is there. */
export function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder));
}

export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
