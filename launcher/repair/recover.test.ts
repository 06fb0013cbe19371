/** Recovery with a virsh and a pulumi that say what they are told and write down what they get. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { Pulumi } from "../backend.ts";
import type { Deployment } from "./deployment.ts";
import { bringInOrder, settlePending } from "./recover.ts";

const vm = "dc369ac7-64de-406a-9e5d-c33ab1567047";
const orphan = "371337fa-607e-4e67-bf34-9b4f6dac0987";
const net = "9280c7d5-5455-4ee9-bae3-f16ee62f28c6";
const pool = "980b2e31-61c9-43e8-96cf-f8fbb31952fa";
const folder = "/var/lib/libvirt/images/duet-dev";

let home: string;
let said: string[];
let path: string | undefined;
let pulumi: Pulumi;
beforeEach(() => {
  home = temporaryFolder("duet-recover-");
  said = [];
  path = process.env.PATH;
  process.env.PATH = `${home}:${path}`;
  writeProgram(
    join(home, "virsh"),
    `shift 2
case "$*" in
*=domains*) [ -e ${home}/started ] && cat ${home}/survey-after || cat ${home}/survey ;;
desc*) cat ${home}/$2 ;;
vol-dumpxml*) cat ${home}/$5 ;;
*) echo "$*" >>${home}/virsh-calls; cat >>${home}/virsh-calls; case $1 in *-start) : >${home}/started ;; esac; [ "$1" != "$FAILS" ] ;;
esac`,
  );
  writeProgram(
    join(home, "pulumi"),
    `case "$*" in
*export) cat ${home}/exported ;;
*import) cat >${home}/imported ;;
esac`,
  );
  pulumi = { program: join(home, "pulumi"), directory: home, environment: process.env };
});
afterEach(() => {
  process.env.PATH = path;
  delete process.env.FAILS;
});

interface Found {
  readonly domains?: readonly string[];
  readonly network?: "active" | "inactive" | "gone";
  readonly pool?: "running" | "inactive" | "gone";
  readonly volumes?: readonly string[];
}

const whole = ["image.qcow2", "duetdev.qcow2"];
const overlayOf = (file: string) => `<volume><backingStore>\n  <path>${folder}/${file}</path></backingStore></volume>`;

function libvirtHas(found: Found, file = "survey"): void {
  const { domains = [vm], network = "active", volumes = whole } = found;
  const isActive = network === "active" ? "yes" : "no";
  const lines = [
    "=domains",
    ...domains.map((uuid) => `${uuid} name-of-${uuid.slice(0, 3)}`),
    "=network",
    ...(network === "gone" ? [] : [`UUID: ${net}`, `Active: ${isActive}`, "Bridge: no-such-bridge"]),
    "=pool",
    ...(found.pool === "gone" ? [] : [`UUID: ${pool}`, `State: ${found.pool ?? "running"}`]),
    "=volumes",
    ...volumes.map((name) => ` ${name}   ${folder}/${name}`),
    "=end",
  ];
  writeFileSync(join(home, file), `${lines.join("\n")}\n`);
  writeFileSync(join(home, vm), "Duet stack dev\n");
  writeFileSync(join(home, orphan), "Duet stack dev\n");
  writeFileSync(join(home, "other.qcow2"), overlayOf("image.qcow2"));
}

const urn = (type: string, name: string) => `urn:pulumi:dev::duet::libvirt:index/${type}::${name}`;
const resource = (type: string, id: string, name: string, needs: readonly string[] = []) => ({
  urn: urn(type, name),
  type: `libvirt:index/${type}`,
  id,
  outputs: { name, target: { path: folder } },
  dependencies: needs,
});
const image = resource("volume:Volume", `${folder}/image.qcow2`, "image.qcow2");
const disk = resource("volume:Volume", `${folder}/duetdev.qcow2`, "duetdev.qcow2", [image.urn]);
const state: Deployment = {
  resources: [
    resource("network:Network", net, "duet-dev"),
    resource("pool:Pool", pool, "duet-dev"),
    image,
    disk,
    resource("domain:Domain", vm, "duetdev", [disk.urn]),
  ],
};

function order(line: string, isShared = false): boolean {
  const [command, effect] = line.split(" ") as [string, "run" | "preview"];
  writeFileSync(join(home, "exported"), JSON.stringify({ version: 3, deployment: state }));
  const current = () =>
    existsSync(join(home, "imported")) ? JSON.parse(readFileSync(join(home, "imported"), "utf8")).deployment : state;
  const place = { stack: "dev", uri: "test:///default", enter: [], isShared, say: (it: string) => said.push(it) };
  return bringInOrder(place, pulumi, { command, effect }, current);
}
const calls = () => (existsSync(join(home, "virsh-calls")) ? readFileSync(join(home, "virsh-calls"), "utf8") : "");
const imported = () => existsSync(join(home, "imported"));

describe("if all is well", () => {
  it.each(["up run", "destroy run", "refresh run", "preview preview"])("`%s` changes nothing", (line) => {
    libvirtHas({});
    expect(order(line)).toBe(true);
    expect([said, calls(), imported()]).toEqual([[], "", false]);
  });
});

describe("what does not run", () => {
  it.each(["up run", "destroy run", "preview preview"])("is started before `%s`", (line) => {
    libvirtHas({ pool: "inactive", network: "inactive", volumes: [] });
    libvirtHas({}, "survey-after");
    order(line);
    expect(said).toEqual(["storage pool duet-dev did not run: started", "network duet-dev did not run: started"]);
    expect(calls().trim().split("\n")).toEqual(["pool-build duet-dev", "pool-start duet-dev", "net-start duet-dev"]);
  });

  it("is no obstacle if it is a network that cannot start", () => {
    libvirtHas({ network: "inactive" });
    libvirtHas({ network: "inactive" }, "survey-after");
    process.env.FAILS = "net-start";
    expect(order("destroy run")).toBe(true);
    expect(said).toEqual([]);
  });

  it("is one line if it is a pool that cannot start", () => {
    libvirtHas({ pool: "inactive" });
    process.env.FAILS = "pool-start";
    expect(() => order("up run")).toThrow(/^storage pool duet-dev does not run and cannot be started: [^\n]*$/);
  });

  it("is defined again if it is a pool that was undefined, under its own UUID", () => {
    libvirtHas({ pool: "gone", volumes: [] });
    libvirtHas({}, "survey-after");
    order("up run");
    expect(calls()).toContain(`<uuid>${pool}</uuid><target><path>${folder}</path></target>`);
    expect(imported()).toBe(false);
  });
});

describe("an orphan", () => {
  it.each(["up run", "refresh run", "destroy run"])("is removed before `%s`", (line) => {
    libvirtHas({ domains: [vm, orphan], volumes: [...whole, "other.qcow2"] });
    order(line);
    expect(said).toEqual([
      "domain name-of-371 is not in the state of stack dev: removed",
      "volume other.qcow2 is not in the state of stack dev: removed",
    ]);
    expect(calls()).not.toContain(vm);
  });

  it("is no volume that a person has put there, and ends a destroy before it begins", () => {
    libvirtHas({ volumes: [...whole, "mine.qcow2", "two.qcow2", "notes.txt"] });
    writeFileSync(join(home, "mine.qcow2"), "<volume><format type='qcow2'/></volume>");
    writeFileSync(join(home, "two.qcow2"), overlayOf("duetdev.qcow2"));
    order("up run");
    expect(() => order("destroy run")).toThrow(
      /^cannot destroy stack dev: .* duet-dev holds mine\.qcow2, two\.qcow2, notes\.txt, .*; move /,
    );
    expect([said, calls(), imported()]).toEqual([[], "", false]);
  });

  it("of another stack is left alone", () => {
    libvirtHas({ domains: [vm, orphan] });
    writeFileSync(join(home, orphan), "Duet stack dev2\n");
    order("up run");
    expect(calls()).toBe("");
  });

  it("is left alone by preview, and if others use that libvirt", () => {
    libvirtHas({ domains: [vm, orphan], volumes: [...whole, "other.qcow2"] });
    order("preview preview");
    order("up run", true);
    expect([said, calls()]).toEqual([[], ""]);
  });

  it("that cannot be removed is one line", () => {
    libvirtHas({ volumes: [...whole, "other.qcow2"] });
    process.env.FAILS = "vol-delete";
    expect(() => order("up run")).toThrow(
      /^volume other\.qcow2 is not in the state of stack dev and cannot be removed: /,
    );
  });
});

describe("what is missing", () => {
  it("is forgotten by `up`, with the guest that needs it, which is removed", () => {
    libvirtHas({ volumes: ["image.qcow2"] });
    order("up run");
    expect(said).toEqual([
      "volume duetdev.qcow2 is gone from libvirt: forgotten",
      "domain duetdev cannot do without it: forgotten",
      "domain name-of-dc3 is not in the state of stack dev: removed",
    ]);
    expect(calls()).toContain(`undefine ${vm}`);
  });

  it("is said by preview, which changes nothing", () => {
    libvirtHas({ volumes: ["image.qcow2"] });
    order("preview preview");
    expect(said).toEqual([
      "volume duetdev.qcow2 is gone from libvirt: `up` makes it again, and the guests that need it",
    ]);
    expect([calls(), imported()]).toEqual(["", false]);
  });

  it("gets a stand-in before `destroy`, which would fail over it", () => {
    libvirtHas({ domains: [], network: "gone", volumes: [] });
    order("destroy run");
    expect(calls()).toMatch(
      new RegExp(`^define /dev/stdin\\n<domain.*${vm}.*net-define /dev/stdin\\n<network>.*${net}`),
    );
    expect(imported()).toBe(false);
  });

  it("is left to the step that boots it if it is a domain, but not to a refresh", () => {
    libvirtHas({ domains: [] });
    order("up run");
    expect([said, calls(), imported()]).toEqual([[], "", false]);
    order("refresh run");
    expect(said).toEqual(["domain duetdev is gone from libvirt: forgotten"]);
  });
});

it("takes nothing for an orphan, nor for missing, if libvirt does not answer", () => {
  writeFileSync(join(home, "survey"), "error: failed to connect to the hypervisor\n");
  expect(order("up run")).toBe(false);
  expect([said, calls(), imported()]).toEqual([[], "", false]);
});

it("settles the state by export and import, and not if there is nothing to settle", () => {
  const say = (it: string) => said.push(it);
  writeFileSync(join(home, "exported"), JSON.stringify({ version: 3, deployment: state }));
  settlePending(pulumi, say);
  expect([said, imported()]).toEqual([[], false]);
  const pending_operations = [{ type: "creating", resource: disk }];
  writeFileSync(join(home, "exported"), JSON.stringify({ version: 3, deployment: { ...state, pending_operations } }));
  settlePending(pulumi, say);
  expect(said).toEqual(["duetdev.qcow2 was cut off while creating: it is looked at again"]);
  expect(JSON.parse(readFileSync(join(home, "imported"), "utf8"))).toMatchObject({
    version: 3,
    deployment: { resources: state.resources, pending_operations: [] },
  });
});
