import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly list?: boolean;
  readonly json?: boolean;
}

/** What the watcher of a guest has written down: docs/crashes.md. */
export const crash = () =>
  stackVerb("crash", "Print the report of a guest's last crash.", [
    ["duetctl crash", "where, its stack, and how to go on"],
    ["duetctl crash duetdev --list", "the folders of all that are kept"],
    ["duetctl crash --list --json | jq '.[].story'", "for a script"],
  ])
    .option("--list", "print the folders of all that are kept, the oldest first")
    .option("--json", "print folder, story and time of it, or of all, as JSON")
    .argument("[guest]", "name of the guest; the only one by default")
    .action(async (guest: string | undefined, { stack: named, list = false, json = false }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { meantGuest } = await import("../guest.ts");
      const { crashesOf, lastCrash } = await import("../crash.ts");
      const stack = await standingStack(named, process.env);
      const { name } = meantGuest(stack, guest);
      if (json) {
        console.log(JSON.stringify(list ? crashesOf(stack, name) : lastCrash(stack, name), undefined, 2));
      } else if (list) {
        for (const { folder } of crashesOf(stack, name)) {
          console.log(folder);
        }
      } else {
        const { readFileSync } = await import("node:fs");
        process.stdout.write(readFileSync(`${lastCrash(stack, name).folder}/report.txt`, "utf8"));
      }
    });
