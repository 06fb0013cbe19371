import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { sh } from "../../components/index.ts";
import { consoleOf } from "../e2e/checks.ts";
import type { TestStack } from "../e2e/stack.ts";
import type { Example, Shown } from "./example.ts";

/** What the browser of the example is: Debian's, which is there before the machine is looked at. */
export const browserPackages: readonly string[] = ["chromium"];
const program = "/usr/bin/chromium";

/** The guide's web interface: a guest that runs, and its console, on which the kernel is heard. */
export const browserExample: Example = {
  name: "See a guest and its serial console in a browser",
  typed: ["open the address of the output webConsole", "log in", "choose the guest"],
  answer: /^refused: Wrong user name or password\nguest: \w[\w-]* running\nconsole: .*sysrq: HELP : /is,
};

/** Milliseconds for a page of Cockpit: a bridge is started for it. */
const patience = 60_000;

/** @param picture absolute path of the picture that is taken at the end */
export async function consoleInBrowser(stack: TestStack, guest: string, picture: string): Promise<readonly Shown[]> {
  const { address, user, password } = consoleOf(stack);
  return inBrowser(async (browser) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    page.setDefaultTimeout(patience);
    await page.goto(address);
    await logIn(page, user, "not the password");
    const refused = await page.locator("#login-error-message").filter({ hasText: /\S/ }).textContent();
    await logIn(page, user, password);
    const state = await chooseGuest(page, guest);
    const said = await hearKernel(page, () => stack.guest(guest, sh`echo h >/proc/sysrq-trigger`));
    await page.screenshot({ path: picture });
    const printed = [`refused: ${refused}`, `guest: ${guest} ${state}`, `console: ${said}`].join("\n");
    return [{ example: browserExample, printed }];
  });
}

/** Starts a browser for what is done with it. */
export async function inBrowser<T>(work: (browser: Browser) => Promise<T>): Promise<T> {
  // The browser's own files are left nowhere.
  const home = mkdtempSync(join(tmpdir(), "duet-browser-"));
  const browser = await chromium.launch({ executablePath: program, env: { ...process.env, HOME: home } });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    rmSync(home, { recursive: true });
  }
}

async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.locator("#login-user-input").fill(user);
  await page.locator("#login-password-input").fill(password);
  await page.locator("#login-button").click();
}

/** Goes to the page of a guest. @returns its state as the list of guests has it */
async function chooseGuest(page: Page, guest: string): Promise<string> {
  const name = page.locator(`#vm-${guest}-system-name`);
  // Where guests are translated the page says so first.
  const notice = page.locator("#ignore-hw-virtualization-disabled-btn");
  await name.or(notice).first().waitFor();
  if (await notice.isVisible()) {
    await notice.click();
  }
  const state = await page.locator(`#vm-${guest}-system-state`).textContent();
  await name.click();
  return state ?? "";
}

/** Has the kernel say something until the console in the page shows it. @returns what it shows then */
async function hearKernel(page: Page, ask: () => Promise<unknown>): Promise<string> {
  // Over the whole of the page, where lines are not broken.
  await page.getByRole("button", { name: "Expand" }).click();
  // As a screen reader has them: the terminal itself may be a drawing.
  const lines = page.locator(".xterm-accessibility-tree > div");
  await lines.first().waitFor({ state: "attached" });
  let shown = "";
  for (const end = performance.now() + patience; performance.now() < end && !shown.includes("sysrq: "); ) {
    await ask();
    await sleep(2000);
    shown = (await lines.allTextContents()).join("\n").trim();
  }
  return shown;
}
