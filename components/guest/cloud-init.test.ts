import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { userData } from "./cloud-init.ts";

const args = {
  hostname: "duetdev",
  authorizedKey: "ssh-ed25519 C duet",
  hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
  hostPublicKey: "ssh-ed25519 H duet",
};

describe("cloud-init's user data", () => {
  it("begins with the line by which cloud-init knows it", () => {
    expect(userData(args).split("\n")[0]).toBe("#cloud-config");
  });

  it("lets root in with the one key, and nobody with a password", () => {
    expect(parse(userData(args))).toMatchObject({
      hostname: "duetdev",
      disable_root: false,
      ssh_pwauth: false,
      users: [{ name: "root", lock_passwd: true, ssh_authorized_keys: ["ssh-ed25519 C duet"] }],
    });
  });

  it("gives the guest the host key that is pinned, and no other", () => {
    expect(parse(userData(args))).toMatchObject({
      ssh_deletekeys: true,
      ssh_keys: { ed25519_private: args.hostKey, ed25519_public: args.hostPublicKey },
    });
  });

  it("asks the net for nothing", () => {
    expect(parse(userData(args))).toMatchObject({ package_update: false, package_upgrade: false });
  });

  it("is read back by YAML as it was given, whatever is in it", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, text, text, (hostname, authorizedKey, hostKey, hostPublicKey) => {
        const data = parse(userData({ hostname, authorizedKey, hostKey, hostPublicKey }));
        expect(data.hostname).toBe(hostname);
        expect(data.users).toHaveLength(1);
        expect(data.users[0].ssh_authorized_keys).toEqual([authorizedKey]);
        expect(data.ssh_keys).toEqual({ ed25519_private: hostKey, ed25519_public: hostPublicKey });
      }),
      { numRuns: 40 },
    );
  });
});
