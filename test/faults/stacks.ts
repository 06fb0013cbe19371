import { sh } from "../../components/index.ts";
import { checkAll, demand } from "../e2e/checks.ts";
import { difference, snapshot } from "../e2e/snapshot.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import { makeWork, named, signalDuring } from "./kill.ts";
import type { Fault, Place } from "./run.ts";

/** A stack with a guest of its own, on the same embedded host and the same sources. */
function neighbour({ stack }: Place): TestStack {
  return stack.beside("neighbour", [{ name: "other", memory: 768 }]);
}

async function destroyNeighbour(place: Place): Promise<void> {
  const other = neighbour(place);
  other.writeSpec();
  await other.run("destroy").finally(() => other.removeSpec());
}

/** What stacks hold of the embedded host: leases, the shared tree, and what libvirt has. */
function holdings({ stack }: Place): Promise<string> {
  const lists = ["list --all --name", "net-list --all --name", "pool-list --all --name"];
  return stack.host(
    lines(
      sh`find ${stack.leases} ${`${shared}/.duet`} -type f ! -name .lock | sort`,
      sh`virsh -q -c ${stack.paths.uri} ${lists.join("; ")} | sort`,
    ),
  );
}

/** What stacks do to each other. */
export const stackFaults: readonly Fault[] = [
  {
    name: "another stack comes up at the same time, and goes",
    cheap: false,
    apply: async (place) => {
      await makeWork(place);
      // Both configure and build, in the one folder that they share.
      await place.stack.host(
        sh`rm -f -- ${["kernel-config", "kernel"].map((step) => `${place.stack.folder}/steps/${step}`)}`,
      );
    },
    meanwhile: async (place) => {
      const other = neighbour(place);
      other.writeSpec();
      await other.run("up");
      await checkAll(other);
      await other.run("destroy");
    },
    restore: destroyNeighbour,
  },
  {
    name: "another stack is interrupted as it comes up, and destroyed",
    cheap: false,
    apply: async (place) => {
      const other = neighbour(place);
      const [before, held] = [snapshot(process.env), await holdings(place)];
      other.writeSpec();
      const isInterrupted = await signalDuring({ ...place, stack: other }, "up", named("pulumi"), 60, "SIGINT");
      demand("whether up was there to be interrupted", String(isInterrupted), "true");
      await destroyNeighbour(place);
      const came = difference(before, snapshot(process.env)).filter((line) => line.startsWith("+"));
      demand("what destroy has not given back", came.join("; "), "");
      demand("what stacks hold", await holdings(place), held);
    },
    // The stack that stands has nothing to do with it.
    words: () => ({ drifts: {} }),
    restore: destroyNeighbour,
  },
];
