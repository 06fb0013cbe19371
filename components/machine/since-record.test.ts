import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { runScript } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, sh } from "./shell.ts";
import { sinceRecord, treeSinceRecord } from "./since-record.ts";

let file: string;
let record: string;
beforeEach(() => {
  const root = temporaryFolder("it's recorded-");
  [file, record] = [join(root, "a file"), join(root, "record")];
  writeFileSync(file, "new");
  writeFileSync(record, "content: recorded\nother: recorded\nlast: recorded\n");
});

/** Seconds since 1970 of the file and of the record, then what is said of the file. */
async function said(ofFile: number, ofRecord: number, keys?: readonly string[]): Promise<string> {
  utimesSync(file, ofFile, ofFile);
  utimesSync(record, ofRecord, ofRecord);
  const facts = sinceRecord([file], sh`printf 'content: %s\n' "$(cat ${file})"`, keys);
  return (await runScript(lines(sh`record=${record}`, facts))).stdout;
}

describe("facts that follow from a file", () => {
  it("are read anew where it is newer than the record, and what was recorded where it is not", async () => {
    expect(await said(2000, 1000, ["content: "])).toBe("content: new\n");
    expect(await said(1000, 2000, ["content: "])).toBe("content: recorded\n");
    expect(await said(1000, 1000, ["content: "])).toBe("content: recorded\n");
  });

  it("are those with their keys, or all of the step", async () => {
    expect(await said(1000, 2000, ["content: ", "last: "])).toBe("content: recorded\nlast: recorded\n");
    expect(await said(1000, 2000)).toBe("content: recorded\nother: recorded\nlast: recorded\n");
  });

  it("are read anew where there is no record yet, and where a file is gone", async () => {
    expect((await runScript(sinceRecord([file], sh`echo read`))).stdout).toBe("read\n");
    const gone = lines(sh`record=${record}`, sinceRecord([file, `${file}.gone`], sh`echo read`));
    expect((await runScript(gone)).stdout).toBe("read\n");
  });
});

describe("facts that follow from a tree", () => {
  const inTree = (name: string) => join(file, name);
  const facts = async (ofRecord = sh`${record}`) => {
    const script = lines(sh`cd ${file}; record=${ofRecord}`, treeSinceRecord(sh`echo read`, ["content: "]));
    return (await runScript(script)).stdout;
  };
  beforeEach(async () => {
    rmSync(file);
    mkdirSync(inTree("below"), { recursive: true });
    writeFileSync(inTree("below/one"), "1");
    // Two of the kernel's ticks apart, by which it takes the times of files.
    await sleep(20);
    writeFileSync(record, "content: recorded\nother: recorded\n");
    await sleep(20);
  });

  it("are what was recorded while nothing in it has changed", async () => {
    expect(await facts()).toBe("content: recorded\n");
  });

  it.each([
    [
      "changed, with its old time",
      () => {
        writeFileSync(inTree("below/one"), "2");
        utimesSync(inTree("below/one"), 1, 1);
      },
    ],
    ["removed", () => rmSync(inTree("below/one"))],
    ["renamed", () => renameSync(inTree("below/one"), inTree("below/two"))],
    ["added", () => writeFileSync(inTree("two"), "2")],
  ])("are read anew where a file was %s", async (_, change) => {
    change();
    expect(await facts()).toBe("read\n");
  });

  it("are read anew where there is no record yet", async () => {
    expect(await facts(sh``)).toBe("read\n");
  });
});
