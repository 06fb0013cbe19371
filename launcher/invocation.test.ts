import { describe, expect, it } from "vitest";
import { bareName, type Invocation, parseInvocation } from "./invocation.ts";

const parse = (line: string): Invocation => parseInvocation(line.split(" ").filter(Boolean));

describe("the command", () => {
  it.each([
    ["up", "up", "run"],
    ["update --yes", "up", "run"],
    ["--color never --yes up", "up", "run"],
    ["-C /elsewhere up", "up", "run"],
    ["--cwd=/elsewhere up", "up", "run"],
    ["-v 3 --logtostderr up", "up", "run"],
    ["-s sandbox up", "up", "run"],
    ["--tracing file:/tmp/t refresh", "refresh", "run"],
    ["dn --yes", "destroy", "run"],
    ["down", "destroy", "run"],
    ["destroy --target urn", "destroy", "run"],
    ["import libvirt:index/pool:Pool pool id", "import", "run"],
    ["destroy --preview-only", "destroy", "preview"],
    ["refresh --preview-only=true", "refresh", "preview"],
    ["refresh --preview-only=false", "refresh", "run"],
    ["pre --diff", "preview", "preview"],
    ["stack ls", "stack", "none"],
    ["config get up", "config", "none"],
    ["logs ls", "logs", "none"],
  ])("of `pulumi %s` is %s", (line, command, effect) => {
    expect(parse(line)).toMatchObject({ command, effect, help: false });
  });

  it.each(["", "--help", "up --help", "-h up", "stack -h", "version", "plugin ls", "help up", "login --local"])(
    "of `pulumi %s` needs no stack",
    (line) => expect(parse(line).help).toBe(true),
  );
});

describe("the stack", () => {
  it.each([
    ["up --stack dev", "dev"],
    ["up --stack=dev", "dev"],
    ["up -s dev --yes", "dev"],
    ["up -sdev", "dev"],
    ["up -ys dev", "dev"],
    ["--stack dev up", "dev"],
    ["-s dev up", "dev"],
    ["up --stack acme/duet/dev", "acme/duet/dev"],
    ["stack select dev", "dev"],
    ["stack select --secrets-provider passphrase dev", "dev"],
    ["stack init dev", "dev"],
    ["stack rm --yes dev", "dev"],
    ["stack --show-urns --stack dev", "dev"],
    ["stack output vms --stack dev", "dev"],
    ["stack output vms", undefined],
    ["config set duet:x dev", undefined],
    ["up --message --yes", undefined],
    ["up -- --stack dev", undefined],
    ["up", undefined],
  ])("of `pulumi %s` is %s", (line, stack) => {
    expect(parse(line).stack).toBe(stack);
  });

  it("has a bare name beside its organization and project", () => {
    expect([bareName("acme/duet/dev"), bareName("dev")]).toEqual(["dev", "dev"]);
  });
});

it("finds the directory and the configuration file", () => {
  expect(parse("-C below up --config-file own.yaml")).toMatchObject({ directory: "below", configFile: "own.yaml" });
  expect(parse("up")).toMatchObject({ directory: undefined, configFile: undefined });
});
