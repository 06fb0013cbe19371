import type { Command } from "commander";
import { completion } from "./completion.ts";
import { config } from "./config.ts";
import { guestConsole } from "./console.ts";
import { crash } from "./crash.ts";
import { destroy } from "./destroy.ts";
import { doctor } from "./doctor.ts";
import { dump } from "./dump.ts";
import { gdb } from "./gdb.ts";
import { graph } from "./graph.ts";
import { logs } from "./logs.ts";
import { perf } from "./perf.ts";
import { preview } from "./preview.ts";
import { ssh } from "./ssh.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";
import { watch } from "./watch.ts";

/** All verbs, a file each, in the order in which help lists them. What a verb does is loaded when it is done. */
export const verbs: readonly (() => Command)[] = [
  up,
  preview,
  destroy,
  watch,
  status,
  graph,
  ssh,
  gdb,
  guestConsole,
  logs,
  perf,
  crash,
  dump,
  doctor,
  config,
  completion,
];
