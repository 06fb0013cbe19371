/**
 * `npm run field`: the reports from the field, each tried on a standing stack.
 *
 * Usage: npm run field -- [--list] [--only NAME]... [--resume FILE] [--keep]
 */
import { entryPoint } from "../../sandbox/report.ts";
import { baseCases } from "./bases.ts";
import { tryCases } from "./campaign.ts";
import type { FieldCase } from "./case.ts";
import { debuggerCases } from "./debugger.ts";
import { guestCases } from "./guests.ts";
import { keyCases } from "./keys.ts";
import { oldKernelCase } from "./old-kernel.ts";
import { repositoryCases } from "./repositories.ts";
import { symbolCases } from "./symbols.ts";

const cases: readonly FieldCase[] = [
  ...[...guestCases, ...debuggerCases, ...symbolCases],
  ...[...repositoryCases, ...keyCases, ...baseCases, oldKernelCase],
];

const told = cases.map((one) => ({ ...one, about: typeof one.kind === "number" ? `kind ${one.kind}` : one.kind }));

// A kernel of all that defconfig or a distribution asks for is twice the work of the stack's own.
await entryPoint("field", () => tryCases("field", told, 180));
