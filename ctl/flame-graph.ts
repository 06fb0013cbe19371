import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { flameGraphPackages } from "../components/host/package-lists.ts";
import { drawing, flameGraphProgram } from "../components/kernel/flame-graph.ts";
import { CtlError, exitCodes } from "./exit.ts";

/** @throws CtlError if a picture cannot be drawn here, or not be written there */
export function requireDrawing(file: string): void {
  const cannot = (why: string) => new CtlError(exitCodes.failed, `cannot draw a flame graph: ${why}`);
  if (!existsSync(flameGraphProgram)) {
    throw cannot(`there is no ${flameGraphProgram}; install ${flameGraphPackages.join(" ")}`);
  }
  const folder = dirname(resolve(file));
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw cannot(`nothing can be written in ${folder}; name a file elsewhere`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw cannot(`${file} is a folder; name a file in it`);
  }
}

/** Draws call paths into a file. @throws CtlError with what the program says */
export function drawFlameGraph(file: string, folded: string, title: string, counted: string): void {
  // It writes the title as it is.
  const escaped = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const [command = "", ...words] = drawing(escaped, counted);
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", input: folded, maxBuffer: 2 ** 29 });
  if (status !== 0) {
    throw new CtlError(exitCodes.failed, `cannot draw a flame graph: flamegraph.pl says: ${(stderr ?? "").trim()}`);
  }
  writeFileSync(file, stdout);
}
