import { expect, it } from "vitest";
import { parseInvocation } from "../invocation.ts";
import { showsProgress } from "./asked.ts";

it.each([
  ["up --yes", true],
  ["up -y --skip-preview -s dev -m text", true],
  ["up -yf --stack=dev --target urn:a", true],
  ["update --yes -- word", true],
  ["preview", true],
  ["up --preview-only", true],
  ["down --yes --refresh", true],
  // It asks.
  ["up", false],
  ["up --skip-preview", false],
  ["destroy --yes=false", false],
  // Somebody else reads it, or wants to see more.
  ["up --yes --non-interactive", false],
  ["preview --json", false],
  ["preview -j", false],
  ["up --yes --diff", false],
  ["up --yes --show-secrets", false],
  ["up --yes -v 9 --logtostderr", false],
  ["up --yes --event-log /f", false],
  ["refresh --yes", false],
  ["stack output", false],
])("whether progress is shown for `pulumi %s`: %s", (line, isShown) => {
  const words = line.split(" ");
  expect(showsProgress(parseInvocation(words), words)).toBe(isShown);
});
