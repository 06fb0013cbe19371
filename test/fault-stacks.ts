import { sh } from "../components/index.ts";
import { checkAll } from "./checks.ts";
import { makeWork } from "./fault-kill.ts";
import type { Fault, Place } from "./fault-run.ts";
import type { TestStack } from "./stack.ts";

/** A stack with a guest of its own, on the same embedded host and the same sources. */
function neighbour({ stack }: Place): TestStack {
  return stack.beside("neighbour", [{ name: "other", memory: 768 }]);
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
    restore: async (place) => {
      const other = neighbour(place);
      other.writeSpec();
      await other.run("destroy").finally(() => other.removeSpec());
    },
  },
];
