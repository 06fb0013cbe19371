import { spawnSync } from "node:child_process";
import { readFileSync, statfsSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { nearest } from "../launcher/disks.ts";

/** What a check may look at. Nothing of it changes anything. */
export interface Probe {
  /** Text of a file; undefined if it is not there, or may not be read. */
  read(file: string): string | undefined;
  /** What a program prints, whatever its status; undefined if it cannot be run within ten seconds. */
  run(...words: readonly string[]): string | undefined;
  /**
   * Of the file system of a folder, there or not: bytes that are free for this user, what kind it is, and a number by
   * which it is told from others.
   */
  disk(folder: string): { readonly free: number; readonly type: number; readonly device: number };
  readonly user: { readonly name: string; readonly uid: number };
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** This machine. */
export const here: Probe = {
  read: (file) => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return undefined;
    }
  },
  run: (program = "", ...words) => {
    const { error, stdout } = spawnSync(program, words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
      env: { ...process.env, LC_ALL: "C", PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    return error === undefined ? stdout : undefined;
  },
  disk: (folder) => {
    const there = nearest(folder);
    const { bavail, bsize, type } = statfsSync(there);
    return { free: bavail * bsize, type, device: statSync(there).dev };
  },
  user: { name: userInfo().username, uid: process.getuid?.() ?? 0 },
  environment: process.env,
};
