import { expect, it } from "vitest";
import { isInForeground } from "./processes.ts";

it("knows from /proc/PID/stat whether a terminal signals the process", () => {
  // pid (comm) state ppid pgrp session tty_nr tpgid
  expect(isInForeground("7 (node) S 1 7 5 34816 7 4194304 0")).toBe(true);
  expect(isInForeground("7 (a) b) S 1 7 5 34816 7 4194304 0")).toBe(true);
  expect(isInForeground("7 (node) S 1 7 5 34816 9 4194304 0")).toBe(false);
  expect(isInForeground("7 (node) S 1 7 7 0 -1 4194304 0")).toBe(false);
});
