import { describe, expect, it } from "vitest";
import { isOwnVolume } from "../../components/names.ts";
import { forget, missing, said, saidOf, standIn } from "./missing.ts";
import { orphans, unknownDomains, unknownVolumes } from "./orphans.ts";
import { parseSurvey, surveyCommands } from "./survey.ts";

const vm = "dc369ac7-64de-406a-9e5d-c33ab1567047";
const alien = "371337fa-607e-4e67-bf34-9b4f6dac0987";
const net = "9280c7d5-5455-4ee9-bae3-f16ee62f28c6";
const pool = "980b2e31-61c9-43e8-96cf-f8fbb31952fa";

/** What virsh 9.0.0 prints to `surveyCommands`. */
const answer = `=domains
${vm} duetdev
${alien} a guest of somebody's

=network
Name:           duet-dev
UUID:           ${net}
Active:         yes
Persistent:     yes
Autostart:      yes
Bridge:         duet-5af3

=pool
Name:           duet-dev
UUID:           ${pool}
State:          running
Persistent:     yes
Autostart:      yes

=volumes
 Name               Path
--------------------------------------------------------------------
 duetdev-seed.iso   /var/lib/libvirt/images/duet-dev/duetdev-seed.iso
 duetdev.qcow2      /var/lib/libvirt/images/duet-dev/duetdev.qcow2
 image.qcow2        /var/lib/libvirt/images/duet-dev/image.qcow2
 my notes.txt       /var/lib/libvirt/images/duet-dev/my notes.txt

=end
`;
const folder = "/var/lib/libvirt/images/duet-dev";
const resource = (type: string, id: string, name: string) => ({
  urn: `urn:pulumi:dev::duet::${type}::${name}`,
  type,
  id,
  outputs: { name },
});
const state = {
  resources: [
    resource("pulumi:providers:libvirt", vm, "default"),
    resource("libvirt:index/domain:Domain", vm, "duetdev"),
    resource("libvirt:index/network:Network", net, "duet-dev"),
    {
      ...resource("libvirt:index/pool:Pool", pool, "duet-dev"),
      outputs: { name: "duet-dev", target: { path: folder } },
    },
    resource("libvirt:index/volume:Volume", `${folder}/image.qcow2`, "image.qcow2"),
    resource("libvirt:index/volume:Volume", `${folder}/duetdev.qcow2`, "duetdev.qcow2"),
    resource("libvirt:index/volume:Volume", `${folder}/duetdev-seed.iso`, "duetdev-seed.iso"),
  ],
};
const survey = parseSurvey(answer)!;
const nothing = parseSurvey("=domains\n\n=network\n=pool\n=volumes\n=end\n")!;

describe("a survey", () => {
  it("reads what virsh says", () => {
    expect(survey).toEqual({
      domains: [
        { uuid: vm, name: "duetdev" },
        { uuid: alien, name: "a guest of somebody's" },
      ],
      network: { uuid: net, isActive: true, bridge: "duet-5af3" },
      pool: { uuid: pool, isActive: true },
      volumes: ["duetdev-seed.iso", "duetdev.qcow2", "image.qcow2", "my notes.txt"],
    });
  });

  it("knows a pool and a network that do not run, and the lack of everything", () => {
    const off = parseSurvey(`=network\nUUID: ${net}\nActive: no\n=pool\nUUID: ${pool}\nState: inactive\n=end`);
    expect(off?.pool).toEqual({ uuid: pool, isActive: false });
    expect(off?.network).toEqual({ uuid: net, isActive: false });
    expect(nothing).toEqual({ domains: [], volumes: [] });
  });

  it("is none if virsh did not get to the end", () => {
    expect(parseSurvey("")).toBeUndefined();
    expect(parseSurvey(answer.slice(0, answer.indexOf("=volumes")))).toBeUndefined();
  });

  it("asks for everything with one process", () => {
    const asked = surveyCommands("dev").match(/[\w-]+(?= duet-dev)/g);
    expect(asked).toEqual(["net-info", "pool-info", "pool-refresh", "vol-list"]);
  });
});

describe("orphans", () => {
  const none = { domains: [], volumes: [] };
  const disk = "duetdev.qcow2";

  it("are none if the state has it all", () => {
    expect(orphans("dev", survey, none, state)).toEqual([]);
  });

  it("may be the domains that the state does not have", () => {
    expect(unknownDomains(survey, state)).toEqual([{ uuid: alien, name: "a guest of somebody's" }]);
    expect(unknownDomains(survey, {}).map(({ uuid }) => uuid)).toEqual([vm, alien]);
  });

  it("may be the volumes that the state does not have", () => {
    expect(unknownVolumes(survey, state)).toEqual(["my notes.txt"]);
    expect(unknownVolumes(survey, {})).toEqual(survey.volumes);
    const volumes = ["duetdev-0123456789abcdef-kernel", "gone-0123456789abcdef-kernel"];
    const step = resource("command:local:Command", "1", "duetdev-kernel-default");
    expect(unknownVolumes({ ...survey, volumes }, { resources: [...state.resources, step] })).toEqual(volumes.slice(1));
    // One that did not come up, before there was such a step.
    expect(unknownVolumes({ ...survey, volumes }, state)).toEqual(volumes);
    expect(volumes.map(isOwnVolume)).toEqual([true, true]);
  });

  it("are all that an interrupted first run has left, guests first and the pool last", () => {
    expect(
      orphans("dev", survey, { domains: [survey.domains[0]!], volumes: [disk, "image.qcow2"] }, {}).map(
        ({ what }) => what,
      ),
    ).toEqual([
      "domain duetdev",
      "volume duetdev.qcow2",
      "volume image.qcow2",
      "network duet-dev",
      "storage pool duet-dev",
    ]);
  });

  it("are a domain, a network and a pool of a known name and another UUID", () => {
    const others = { ...survey, network: { uuid: alien, isActive: true }, pool: { uuid: alien, isActive: true } };
    expect(orphans("dev", others, none, state).map(({ what }) => what)).toEqual([
      "network duet-dev",
      "storage pool duet-dev",
    ]);
  });

  it("go by UUID if a name may be another's", () => {
    const [domain] = orphans("dev", survey, { ...none, domains: [{ uuid: alien, name: "same" }] }, state);
    expect(domain?.removal.map((words) => words.slice(0, 2))).toEqual([
      ["destroy", alien],
      ["undefine", alien],
    ]);
  });
});

describe("what is missing", () => {
  it("is nothing if libvirt has it all", () => {
    expect(missing(survey, state)).toEqual([]);
    expect(missing(nothing, {})).toEqual([]);
  });

  it("is all if libvirt has nothing", () => {
    expect(missing(nothing, state).map(said)).toEqual([
      "domain duetdev",
      "network duet-dev",
      "storage pool duet-dev",
      "volume image.qcow2",
      "volume duetdev.qcow2",
      "volume duetdev-seed.iso",
    ]);
  });

  it("is a network that somebody has made again under the same name", () => {
    expect(missing({ ...survey, network: { uuid: alien, isActive: true } }, state)).toMatchObject([
      { kind: "network", id: net },
    ]);
  });

  it("gets a stand-in if the provider would fail without it", () => {
    const definitions = missing(nothing, state).map(standIn);
    expect(definitions.map((it) => it?.command)).toEqual([
      "define",
      "net-define",
      "pool-define",
      ...Array(3).fill(undefined),
    ]);
    expect(definitions[0]?.xml).toContain(`<name>duetdev</name><uuid>${vm}</uuid>`);
    expect(definitions[2]?.xml).toContain(`<target><path>${folder}</path></target>`);
  });

  it("has a name that cannot break out of the definition", () => {
    const xml = standIn({ kind: "network", id: net, name: "a</name><b>&", resource: state.resources[0]! })?.xml;
    expect(xml).toContain("<name>a&lt;/name>&lt;b>&amp;</name>");
  });
});

describe("forgetting", () => {
  const urn = (name: string) => state.resources.find((it) => it.outputs.name === name)!.urn;
  const needing = (name: string, ...needed: string[]) => ({
    ...state.resources.find((it) => it.outputs.name === name)!,
    dependencies: needed.map(urn),
    propertyDependencies: { one: needed.map(urn), none: null },
  });
  const step = (name: string, more: object) => ({
    urn: `urn:pulumi:dev::duet::command:local:Command::${name}`,
    type: "command:local:Command",
    ...more,
  });
  const whole = {
    resources: [
      ...["duet-dev", "image.qcow2"].flatMap((name) => state.resources.filter((it) => it.outputs.name === name)),
      needing("duetdev.qcow2", "image.qcow2"),
      needing("duetdev-seed.iso", "duet-dev"),
      needing("duetdev", "duetdev.qcow2", "duetdev-seed.iso"),
      step("in the guest", { deletedWith: urn("duetdev") }),
      step("below it", { parent: urn("duetdev") }),
      step("boot", {
        dependencies: [urn("duetdev"), urn("image.qcow2")],
        propertyDependencies: { a: [urn("duetdev")] },
      }),
    ],
  };
  const without = (...names: string[]) =>
    forget(
      whole,
      missing(survey, whole).concat(
        missing(nothing, whole).filter(({ kind, name }) => names.includes(name) && kind !== "pool"),
      ),
    );

  it("a disk forgets its domain, and what is deleted with that, and nothing else", () => {
    const { deployment, forgotten } = without("duetdev.qcow2");
    expect(forgotten.map(saidOf)).toEqual(["volume duetdev.qcow2", "domain duetdev"]);
    expect(deployment.resources.map(({ urn }) => urn.split("::").at(-1))).toEqual([
      "duet-dev",
      "duet-dev",
      "image.qcow2",
      "duetdev-seed.iso",
      "boot",
    ]);
  });

  it("an image forgets the disks on it", () => {
    expect(without("image.qcow2").forgotten.map(saidOf)).toEqual([
      "volume image.qcow2",
      "volume duetdev.qcow2",
      "domain duetdev",
    ]);
  });

  it("leaves no URN behind that is not in the state, which Pulumi would refuse", () => {
    const { deployment } = without("duetdev.qcow2");
    const [boot] = deployment.resources.slice(-1);
    expect(boot).toMatchObject({ dependencies: [urn("image.qcow2")], propertyDependencies: { a: [] } });
    expect(JSON.stringify(deployment)).not.toContain(urn("duetdev.qcow2"));
  });
});
