import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

let file: string;
let record: string;
beforeEach(() => {
  const root = temporaryFolder("it's recorded-");
  [file, record] = [join(root, "a file"), join(root, "record")];
  writeFileSync(file, "new");
  writeFileSync(record, "content: recorded\nother: recorded\nlast: recorded\n");
});

const said = async (files: readonly string[], keys: readonly string[], from = record) => {
  const facts = sh`if newer_than_record ${files}; then echo read; else recorded ${keys}; fi`;
  const call = `${sh`record=${from}`.shell}\n${facts.shell}`;
  return (await runLibrary(scriptText(import.meta.url, "since.sh", {}), call)).stdout;
};

/** Seconds since 1970 of the file and of the record, then what is said of the file. */
function saidAt(ofFile: number, ofRecord: number, keys: readonly string[] = [""]): Promise<string> {
  utimesSync(file, ofFile, ofFile);
  utimesSync(record, ofRecord, ofRecord);
  return said([file], keys);
}

describe("facts that follow from a file", () => {
  it("are read again if it is newer than the record, and what was recorded if it is not", async () => {
    expect(await saidAt(2000, 1000, ["content: "])).toBe("read\n");
    expect(await saidAt(1000, 2000, ["content: "])).toBe("content: recorded\n");
    expect(await saidAt(1000, 1000, ["content: "])).toBe("content: recorded\n");
  });

  it("are those with their keys, or all of the step", async () => {
    expect(await saidAt(1000, 2000, ["content: ", "last: "])).toBe("content: recorded\nlast: recorded\n");
    expect(await saidAt(1000, 2000)).toBe("content: recorded\nother: recorded\nlast: recorded\n");
  });

  it("are read again if there is no record yet, and if a file is gone", async () => {
    expect(await said([file], [""], "/nowhere")).toBe("read\n");
    utimesSync(file, 1, 1);
    expect(await said([file, `${file}.gone`], [""])).toBe("read\n");
  });
});
