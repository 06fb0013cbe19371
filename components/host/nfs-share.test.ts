import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ganeshaValues, kernelValues, requireSource } from "./nfs-share.ts";

const share = { directory: "/media/data/duet", address: "192.168.150.1", clients: ["192.168.150.10", "fd00::11"] };

describe("nfs-ganesha's configuration", () => {
  const text = String(ganeshaValues(share, "/state/dev").configuration);

  it("opens the export for the clients alone, on one address, with root squashed", () => {
    expect(text).toContain("Bind_addr = 192.168.150.1;");
    expect(text.match(/CLIENT \{/g)).toHaveLength(2);
    expect(text).toContain("Clients = fd00::11; Access_Type = RW; Squash = Root_Squash; SecType = sys;");
    expect(text).toMatch(/^ {2}Access_Type = None;$/m);
    expect(text).not.toMatch(/\*|No_Root_Squash/i);
  });

  it("serves the directory under its own path", () => {
    expect(text).toContain('Path = "/media/data/duet";\n  Pseudo = "/media/data/duet";');
  });
});

/** What is given to a server of each kind. */
const both = (other: Partial<typeof share>) => [
  () => ganeshaValues({ ...share, ...other }, "/state/dev"),
  () => kernelValues({ ...share, ...other }, "dev"),
];

describe("what is no single address", () => {
  it.each(["*", "192.168.150.0/24", "@netgroup", "guest", "1.2.3.4 *(rw)", ""])("is refused: %j", (client) => {
    for (const values of [...both({ clients: [client] }), ...both({ address: client })]) {
      expect(values).toThrow("single addresses");
    }
  });

  it("is told from one that is", () => {
    for (const values of [...both({ clients: ["fd00::11"] }), ...both({ address: "fd00::1" })]) {
      expect(values).not.toThrow();
    }
  });
});

describe("what is no plain path", () => {
  it("is refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), (rest) => {
        fc.pre(/[^\w@%+=:,.-]/.test(rest));
        for (const values of both({ directory: `/a${rest}/\n` })) {
          expect(values).toThrow("absolute path");
        }
      }),
    );
  });
});

describe("what is mounted", () => {
  it.each(["/media/data/duet", "host:relative", "h:/a b", "$(x):/a", ":/a"])("is refused: %j", (source) => {
    expect(() => requireSource(source)).toThrow(/^cannot /);
  });

  it("may have an IPv6 address in brackets", () => {
    expect(requireSource("[fd00::1]:/x")).toBe("[fd00::1]:/x");
  });

  it("is one field of fstab, or an error, for anything", () => {
    fc.assert(
      fc.property(fc.string(), (from) => {
        let source: string;
        try {
          source = requireSource(`1.2.3.4:/${from}`);
        } catch {
          return;
        }
        expect(source.split(/\s/)).toHaveLength(1);
      }),
    );
  });
});
