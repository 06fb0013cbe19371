import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly json?: boolean;
}

/** What is found of this host before the first `up`. */
export const doctor = () =>
  stackVerb("doctor", "Look at this host before the first up. Changes nothing.", [
    ["duetctl doctor --stack workstation", "whether that spec could come up here"],
    ["duetctl doctor --json", "for a script"],
  ])
    .option("--json", "print it as JSON")
    .action(async ({ stack: named, json = false }: Options) => {
      const { meantSpec } = await import("../stacks.ts");
      const { folders } = await import("../../launcher/environment.ts");
      const { doctor } = await import("../../doctor/doctor.ts");
      process.exitCode = doctor(meantSpec(named, process.env), folders(process.env).cache, json);
    });
