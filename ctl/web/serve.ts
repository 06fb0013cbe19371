import { constants } from "node:os";
import { forward, loginHere } from "../../components/host/forward.ts";
import { folders } from "../../launcher/environment.ts";
import { standingStack } from "../standing.ts";
import { Rounds } from "./rounds.ts";
import { servePage } from "./server.ts";
import { Viewer } from "./view.ts";

/** Milliseconds between two looks: each is a login to every guest. */
const pause = 5000;

/**
 * Serves a page of the stack that is meant until a signal ends this process.
 *
 * @param port the port of loopback; 0 is one that is free
 */
export async function serveStatus(
  named: string | undefined,
  port: number,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const stack = await standingStack(named, environment);
  const viewer = new Viewer(stack, () => standingStack(stack.name, environment), folders(environment).cache);
  const rounds = new Rounds(() => viewer.look(), pause);
  const page = await servePage({ rounds, onAsk: () => viewer.drift.hurry(), port });
  console.log(page.address);
  if (isFarAway(environment)) {
    console.error(
      `duetctl: to open it on another machine, type there: ${forward(`127.0.0.1:${page.port}`, loginHere(environment))}`,
    );
  }
  console.error("duetctl: that address is good once; Ctrl-C ends the page");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, async () => {
      page.end();
      await rounds.end();
      process.exit(128 + constants.signals[signal]);
    });
  }
}

/** Whether whoever has typed this has no browser here. sudo leaves nothing of ssh's, but it does of a desktop's. */
function isFarAway({ SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY }: NodeJS.ProcessEnv): boolean {
  return Boolean(SSH_CONNECTION) || !(DISPLAY || WAYLAND_DISPLAY);
}
