/**
 * `npm run loop`: what a developer does a hundred times a day, tried on a standing stack.
 *
 * Usage: npm run loop -- [--list] [--only NAME]... [--resume FILE] [--keep]
 */
import { entryPoint } from "../../sandbox/report.ts";
import { tryCases } from "../field/campaign.ts";
import { directCases } from "./direct.ts";
import { kernelCases } from "./kernels.ts";
import { snapshotCases } from "./snapshot.ts";
import { watcherCase } from "./watcher.ts";

await entryPoint("loop", () => tryCases("loop", [watcherCase, ...directCases, ...kernelCases, ...snapshotCases], 60));
