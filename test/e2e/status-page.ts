/** duetctl status --web at a stack that stands, in a browser. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { sh } from "../../components/index.ts";
import { project } from "../../launcher/project.ts";
import { until } from "../../sandbox/processes.ts";
import { inBrowser } from "../guide/browser.ts";
import { demand } from "./checks.ts";
import type { Guest, TestStack } from "./stack.ts";

/** Milliseconds for what the page shows: machines are asked for their facts. */
const patience = 60_000;

/** The page draws the stack, says that nothing has drifted, follows the colors around it, and is for one browser. */
export async function drawsStack(stack: TestStack, { name }: Guest): Promise<void> {
  const [file, pid] = [join(stack.folder, "status-page"), join(stack.folder, "status-page.pid")];
  const command = sh`${join(project, "bin/duetctl")} status --web --stack ${stack.name}`;
  const served = stack.host(sh`echo $BASHPID >${pid}; exec ${command} >${file}`, 240).catch(() => "");
  const printed = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
  try {
    await until(patience, () => printed().endsWith("\n"));
    await inBrowser(async (browser) => {
      const page = await browser.newPage();
      page.setDefaultTimeout(patience);
      const wrong: string[] = [];
      page.on("pageerror", (error) => wrong.push(error.message));
      page.on("console", (line) => /Content Security Policy/.test(line.text()) && wrong.push(line.text()));
      await page.goto(printed().trim());
      demand("where the token leads", page.url(), /^http:\/\/127\.0\.0\.1:\d+\/$/);
      await page.locator("#picture svg text", { hasText: `guest ${name}` }).waitFor();
      await page.locator("#drift", { hasText: "Nothing has drifted" }).waitFor();
      // libvirt calls a guest paused after each gdb.
      demand(
        "the status",
        (await page.locator("#status").textContent()) ?? "",
        new RegExp(`^guest ${name}: (?:running|paused)$`, "m"),
      );
      demand("what is being done", (await page.locator("#doing").textContent()) ?? "", "Nothing.");
      const [light, dark] = [await paper(page, "light"), await paper(page, "dark")];
      demand("the paper in light and in dark surroundings", `${light !== dark}`, "true");
      demand("what the page complained of", wrong.join("; "), "");
      const other = await (await browser.newContext()).newPage();
      await other.goto(printed().trim());
      demand("what another browser is told", (await other.textContent("body")) ?? "", /^This address was good once/);
    });
  } finally {
    // It may have ended, and why the test has failed is what counts then.
    await stack.host(sh`kill -INT "$(cat ${pid})"`).catch(() => "");
    await served;
  }
}

/** The color of the paper of the drawing. */
async function paper(page: Page, colorScheme: "light" | "dark"): Promise<string> {
  await page.emulateMedia({ colorScheme });
  return page
    .locator("#picture svg path")
    .first()
    .evaluate((path) => getComputedStyle(path).fill);
}
