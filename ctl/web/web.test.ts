import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { project } from "../../launcher/project.ts";
import { exclusive } from "../../sandbox/exclusive.ts";
import { until } from "../../sandbox/processes.ts";
import { writeProgram } from "../../test/support/run-script.ts";
import { accessIn, standIn } from "../../test/support/standing-stack.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { doingTo } from "../doing.ts";
import { DriftReader } from "./drift.ts";
import { Rounds } from "./rounds.ts";
import { type ServedPage, servePage } from "./server.ts";

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for a path as a browser does, or as a browser never would. */
function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers }, async (response) => {
      let body = "";
      for await (const part of response.setEncoding("utf8")) {
        body += part;
      }
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.on("error", reject).end();
  });
}

/** What a page is told, as it comes. */
async function watch(port: number, cookie: string) {
  const told: string[] = [];
  const asked = request({ host: "127.0.0.1", port, path: "/events", headers: { cookie } });
  asked.on("error", () => {}).end();
  const [response] = await once(asked, "response");
  response.on("error", () => {});
  let rest = "";
  response.setEncoding("utf8").on("data", (part: string) => {
    const events = (rest + part).split("\n\n");
    rest = events.pop() ?? "";
    told.push(...events.map((event) => event.replace(/^data: /, "")));
  });
  return { type: response.headers["content-type"], told, close: () => asked.destroy() };
}

/** Lets a browser in. @returns its cookie */
async function enter({ port, address }: ServedPage): Promise<string> {
  const { headers } = await ask(port, pathOf(address));
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

const pathOf = (address: string) => address.slice(address.indexOf("/", "http://".length));

/** Serves a page of what is given. */
async function serve(look: () => Promise<string> = async () => "{}", onAsk = () => {}): Promise<ServedPage> {
  const page = await servePage({ rounds: new Rounds(look, 20), onAsk, port: 0 });
  onTestFinished(() => page.end());
  return page;
}

describe("the page", () => {
  it("is for the first who comes with the token, which is void from then on", async () => {
    const page = await serve();
    const { port, address } = page;
    expect(address).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/\\?token=[\\w-]{32}$`));
    const first = await ask(port, pathOf(address));
    expect(first).toMatchObject({ status: 303, headers: { location: "/" }, body: "" });
    const [cookie = "", ...others] = first.headers["set-cookie"] ?? [];
    expect(others).toEqual([]);
    expect(cookie).toMatch(new RegExp(`^duet-${port}=[\\w-]{32}; HttpOnly; SameSite=Strict; Path=/$`));
    expect(cookie).not.toContain(address.split("=")[1]);
    const own = { cookie: `theme=dark; ${cookie.split(";")[0]}; more=1` };
    expect(await ask(port, "/", own)).toMatchObject({ status: 200, body: expect.stringContaining("<!doctype html>") });
    expect(await ask(port, pathOf(address))).toMatchObject({
      status: 403,
      body: expect.stringMatching(
        /^This address was good once, and has been used; [^\n]*duetctl status --web[^\n]*\n$/,
      ),
    });
  });

  it("is refused in a sentence to all others, whatever they ask for", async () => {
    const page = await serve();
    for (const path of ["/", "/page.js", "/page.css", "/events", "/ask", "/nothing", "/?token=", "/?token=x"]) {
      const { status, headers, body } = await ask(page.port, path);
      expect([path, status]).toEqual([path, 403]);
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(body).toMatch(/^This [^\n]+\.\n$/);
      expect(headers["set-cookie"]).toBeUndefined();
    }
    const cookie = await enter(page);
    for (const wrong of [
      "",
      `${cookie}x`,
      cookie.slice(0, -1),
      cookie.replace("duet-", "duet"),
      `duet-${page.port}=`,
    ]) {
      expect((await ask(page.port, "/", { cookie: wrong })).status).toBe(403);
    }
    // The token is no cookie, and a wrong one is not let in by a right cookie.
    expect((await ask(page.port, "/", { cookie: `duet-${page.port}=${page.address.split("=")[1]}` })).status).toBe(403);
    expect((await ask(page.port, "/?token=x", { cookie })).status).toBe(403);
  });

  it("is at its own address, and not at a name that somebody has lead there", async () => {
    const page = await serve();
    const token = pathOf(page.address);
    for (const host of [
      "duet.example",
      `duet.example:${page.port}`,
      "127.0.0.1",
      "127.0.0.1:1",
      `[::1]:${page.port}`,
    ]) {
      expect((await ask(page.port, token, { host })).status).toBe(403);
    }
    const cookie = await enter(page);
    expect(cookie).not.toBe("");
    expect((await ask(page.port, "/", { cookie, host: "duet.example" })).status).toBe(403);
    expect((await ask(page.port, "/", { cookie, host: `localhost:${page.port}` })).status).toBe(200);
  });

  it("is only looked at", async () => {
    const page = await serve();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect(await ask(page.port, pathOf(page.address), {}, method)).toMatchObject({
        status: 405,
        headers: { allow: "GET" },
      });
    }
    const cookie = await enter(page);
    expect((await ask(page.port, "/ask", { cookie }, "POST")).status).toBe(405);
    expect((await ask(page.port, "/", { cookie }, "HEAD")).status).toBe(405);
  });

  it("has nothing from elsewhere, and nothing that its policy would keep from running", async () => {
    const page = await serve();
    const cookie = await enter(page);
    for (const [path, type] of [
      ["/", "text/html"],
      ["/page.js", "text/javascript"],
      ["/page.css", "text/css"],
    ] as const) {
      const { status, headers, body } = await ask(page.port, path, { cookie });
      expect([status, headers["content-type"]]).toEqual([200, `${type}; charset=utf-8`]);
      expect(body).not.toMatch(/\w+:\/\/|@import|url\(|innerHTML/);
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
    const { headers, body } = await ask(page.port, "/", { cookie });
    const policy = new Map(
      headers["content-security-policy"]
        ?.toString()
        .split("; ")
        .map((part) => part.split(" ", 2) as [string, string]),
    );
    expect(policy.get("default-src")).toBe("'none'");
    expect(policy.get("script-src")).toBe("'self'");
    expect(policy.get("style-src")).toBe("'self'");
    expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|<script[^>]*>[^<]/);
    expect((await ask(page.port, "/page.html", { cookie })).status).toBe(404);
    expect((await ask(page.port, "/../server.ts", { cookie })).status).toBe(404);
  });

  it("has a button", async () => {
    let asked = 0;
    const page = await serve(undefined, () => {
      asked += 1;
    });
    expect((await ask(page.port, "/ask", { cookie: await enter(page) })).status).toBe(204);
    expect(asked).toBe(1);
  });

  it("says if its port is taken", async () => {
    const { port } = await serve();
    await expect(servePage({ rounds: new Rounds(async () => "", 20), onAsk: () => {}, port })).rejects.toThrow(
      /^cannot serve the page: .*EADDRINUSE.*; choose another port with --port/,
    );
  });
});

describe("a look", () => {
  it("is taken only while a page is open, one after the other, and told to all of them", async () => {
    let [looks, atOnce, most] = [0, 0, 0];
    const page = await serve(async () => {
      looks += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      const own = looks;
      await sleep(30);
      atOnce -= 1;
      return JSON.stringify({ own });
    });
    const cookie = await enter(page);
    await ask(page.port, "/", { cookie });
    await sleep(150);
    expect(looks).toBe(0);
    const one = await watch(page.port, cookie);
    expect(one.type).toBe("text/event-stream");
    expect(await until(5000, () => one.told.length > 0)).toBe(true);
    const other = await watch(page.port, cookie);
    expect(await until(5000, () => other.told.length > 3)).toBe(true);
    expect(one.told).toEqual(expect.arrayContaining(other.told));
    expect(one.told.slice(0, 3)).toEqual(['{"own":1}', '{"own":2}', '{"own":3}']);
    expect(most).toBe(1);
    one.close();
    other.close();
    await sleep(300);
    const last = looks;
    await sleep(300);
    expect(looks).toBe(last);
    // Nobody has watched since: what was seen then is not told to who comes now.
    const late = await watch(page.port, cookie);
    expect(await until(5000, () => late.told.length > 0)).toBe(true);
    expect(late.told[0]).toBe(`{"own":${last + 1}}`);
  });
});

describe("what is being done", () => {
  it("is nothing, or what holds the stack, with the log that it has open", async () => {
    const home = temporaryFolder("duet-doing-");
    const stack = { name: "dev", folder: join(home, "stacks/dev") };
    mkdirSync(join(home, "log"), { recursive: true });
    mkdirSync(stack.folder, { recursive: true });
    const log = join(home, "log/dev-up.log");
    writeFileSync(
      log,
      `${"x".repeat(20_000)}\n${Array.from({ length: 20 }, (_, at) => `\x1b[1mline ${at}\x1b[0m\n\n`).join("")}`,
    );
    const opened = openSync(log, "r");
    onTestFinished(() => closeSync(opened));
    expect(await doingTo(stack, home)).toEqual({ who: undefined, line: "Nothing.", log: [] });
    writeFileSync(join(stack.folder, "unfinished"), "");
    expect((await doingTo(stack, home)).line).toMatch(/^Nothing\. The last run did not come to its end: duetctl up /);
    const release = await exclusive("stack dev", stack.folder);
    onTestFinished(release);
    const { who, line, log: lines } = await doingTo(stack, home);
    expect(who).toBe(`pulumi, pid ${process.pid}`);
    expect(line).toBe(`pulumi, pid ${process.pid}, is working on the stack: up. Its log is ${log}`);
    expect(lines).toEqual(Array.from({ length: 12 }, (_, at) => `line ${at + 8}`));
    expect(await doingTo({ name: "other", folder: stack.folder }, home)).toMatchObject({
      line: `pulumi, pid ${process.pid}, is working on the stack.`,
      log: [],
    });
  });
});

/** A machine that has completed a step, whose fact is what a file says; and how often it was asked. */
function machine(folder: string, name = "host") {
  const records = join(folder, `records of ${name}`);
  mkdirSync(join(records, ".completed"), { recursive: true });
  const [said, asked] = [join(folder, "said"), join(folder, "asked")];
  writeFileSync(said, "as it was");
  writeFileSync(join(records, "a-step"), "state: as it was\n");
  writeFileSync(
    join(records, "a-step.sh"),
    `title='hold a state'; echo >>'${asked}'; echo "state: $(cat '${said}')"\n`,
  );
  writeFileSync(join(records, ".completed/a-step"), "");
  return { name, reader: { command: ["bash", "-c"], records, timeout: 1 } };
}

describe("what has drifted", () => {
  it("is asked for once, and then on a button, in the words of a preview, and not while something is at work", async () => {
    const folder = temporaryFolder("duet-drifted-");
    const gone = { name: "two-facts", reader: { command: [join(folder, "none")], records: "/r", timeout: 1 } };
    const stack = { enter: ["env"], machines: [machine(folder), gone] };
    const reader = new DriftReader();
    const settled = async () => {
      await until(20_000, () => reader.known(stack, false).line !== "The machines are being asked.");
      return reader.known(stack, false);
    };
    expect(reader.known(stack, true).line).toMatch(/ not asked while something works /);
    expect(reader.known(stack, false)).toEqual({ line: "The machines are being asked.", lines: [] });
    const first = await settled();
    expect(first.line).toMatch(/^Found, as of \d\d:\d\d:\d\d\.$/);
    expect(first.lines).toEqual([expect.stringMatching(/^two-facts: does not answer /)]);
    writeFileSync(join(folder, "said"), "otherwise");
    // The answer is kept until it is asked for again.
    await sleep(300);
    expect(reader.known(stack, false)).toEqual(first);
    reader.hurry();
    const drift = "host: a-step (hold a state) has drifted: state: expected as it was, found otherwise";
    expect(await until(20_000, () => reader.known(stack, false).lines.includes(drift))).toBe(true);
    const only = { ...stack, machines: stack.machines.slice(0, 1) };
    writeFileSync(join(folder, "said"), "as it was");
    reader.known(only, true);
    expect(reader.known(only, false).lines).toEqual([]);
    expect(await until(20_000, () => reader.known(only, false).line.startsWith("Nothing has drifted, as of "))).toBe(
      true,
    );
  });
});

describe.runIf(process.getuid?.() === 0)("duetctl status --web", () => {
  let home: string;
  beforeEach(() => {
    home = temporaryFolder("duet-web-");
    writeProgram(join(home, "bin/ip"), 'shift 3; exec "$@"');
    writeProgram(join(home, "bin/virsh"), "printf ' 1  one  running\\n'");
    writeProgram(join(home, "bin/ss"), "");
    writeProgram(join(home, "bin/guest"), "printf '6.1.1+duet\\n9427da293c5b8116\\n'");
    standIn(home, "dev", [accessIn(home, "one", "10.0.0.10", "127.0.0.1:1234")], {
      machines: { host: machine(home).reader },
    });
  });

  function start(...words: readonly string[]): ChildProcess & { said: { out: string; err: string } } {
    const child = spawn(process.execPath, [join(project, "ctl/duetctl.ts"), "status", ...words], {
      env: {
        PATH: `${home}/bin:${process.env.PATH}`,
        HOME: home,
        XDG_STATE_HOME: join(home, "state"),
        XDG_CACHE_HOME: join(home, "cache"),
        SSH_CONNECTION: "10.0.0.2 1 10.0.0.1 22",
        SUDO_USER: "eve",
      },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const said = { out: "", err: "" };
    child.stdout.on("data", (part) => {
      said.out += part;
    });
    child.stderr.on("data", (part) => {
      said.err += part;
    });
    return Object.assign(child, { said });
  }

  it("prints an address, shows the stack and what is done to it there, and ends with Ctrl-C", async () => {
    const child = start("--web");
    expect(await until(30_000, () => child.said.err.includes("Ctrl-C"))).toBe(true);
    const [, port = ""] = /^http:\/\/127\.0\.0\.1:(\d+)\/\?token=\S+\n$/.exec(child.said.out) ?? [];
    expect(child.said.err).toMatch(new RegExp(`type there: ssh -f -N -L ${port}:127\\.0\\.0\\.1:${port} eve@\\S+\n`));
    const page = { port: Number(port), address: child.said.out.trim(), end: () => {} };
    const { told } = await watch(page.port, await enter(page));
    const last = () => JSON.parse(told.at(-1) ?? "{}");
    expect(await until(30_000, () => told.length > 0)).toBe(true);
    expect(last()).toMatchObject({ title: "dev - duetctl status", doing: { line: "Nothing.", log: [] } });
    expect(last().status).toContain("guest one: running\n  address  10.0.0.10\n");
    expect(last().picture).toMatch(/^<svg .*>guest one<\/text>.*<\/svg>\n$/s);
    // What the page's policy, and a parser of XML, would refuse.
    expect(last().picture).not.toMatch(/<style|\sstyle=|\son\w+=|<script|href=/);
    const release = await exclusive("stack dev", join(home, "state/duet/stacks/dev"), 0, "a test");
    expect(await until(30_000, () => last().doing.line.startsWith(`a test, pid ${process.pid}, is working`))).toBe(
      true,
    );
    expect(last().drift.line).toMatch(/ not asked while /);
    release();
    expect(await until(30_000, () => last().drift.line.startsWith("Nothing has drifted"))).toBe(true);
    writeFileSync(join(home, "state/duet/pulumi/.pulumi/stacks/duet/dev.json"), '{"checkpoint":{"latest":{}}}');
    const other = await exclusive("stack dev", join(home, "state/duet/stacks/dev"));
    expect(await until(30_000, () => last().problem === "stack dev does not stand; do duetctl up --stack dev")).toBe(
      true,
    );
    other();
    const ended = once(child, "exit");
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
  }, 120_000);

  it("takes a port, which is one", async () => {
    for (const words of [
      ["--port", "0"],
      ["--port", "x"],
      ["--port", "65536"],
      ["--web", "--json"],
    ]) {
      const child = start(...words);
      expect(await once(child, "exit")).toEqual([2, null]);
    }
    const { port } = await serve();
    const child = start("--port", `${port}`);
    expect(await once(child, "exit")).toEqual([1, null]);
    expect(child.said.err).toMatch(/^duetctl: cannot serve the page: .*EADDRINUSE/);
  });
});
