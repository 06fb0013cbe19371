import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { deploy, given, localGuest, printedOf } from "../../test/support/mocks.ts";
import { scriptText } from "../machine/script.ts";
import { stepFile } from "../machine/step.ts";
import { Account } from "./account.ts";
import { GuestPackages } from "./packages.ts";

/** Bash that runs the step of an account. */
function account(
  verb: "create" | "facts" | "delete",
  change: { user?: string; uid?: number; conflict?: string } = {},
): string {
  const values = { user: "duet", uid: 1234, gid: 2345, conflict: "move", ...change };
  const frame = { title: "make the account", step: "account", records: "/var/lib/duet/steps" };
  const file = stepFile(frame, scriptText(import.meta.url, "account.sh", values), "1.1");
  return `mkdir -p /var/lib/duet/steps; printf '%s' ${quote(file)} >/var/lib/duet/steps/account.sh
bash /var/lib/duet/steps/account.sh ${verb}`;
}

/**
 * Runs a script in a root of its own: the tools of this machine, an /etc of its own and a few files, in namespaces that
 * end with the script.
 */
function inOwnRoot(...scripts: readonly string[]): string {
  const setUp = `set -euo pipefail
own=$(mktemp -d /tmp/duet-account-XXXXXX)
mount -n -t tmpfs own "$own"
mkdir -p "$own"/{etc/sudoers.d,etc/skel,home,var/lib,var/mail,srv,tmp,proc,dev}
for name in usr bin lib lib64 sbin; do if [ -e /$name ]; then mkdir "$own/$name"; mount -n --rbind /$name "$own/$name"; fi; done
mount -n --rbind /dev "$own/dev"; mount -n -t proc proc "$own/proc"
printf 'root:x:0:0:root:/root:/bin/bash\\nother:x:1234:2345::/home/other:/bin/bash\\n' >"$own/etc/passwd"
printf 'root:x:0:\\nothers:x:2345:\\n' >"$own/etc/group"
printf 'root:*:1::::::\\nother:*:1::::::\\n' >"$own/etc/shadow"; printf 'root:*::\\nothers:!::\\n' >"$own/etc/gshadow"
cp /etc/login.defs /etc/nsswitch.conf /etc/pam.conf "$own/etc/" 2>/dev/null || true; cp -r /etc/pam.d "$own/etc/"
mkdir "$own/home/other"; touch "$own/srv/file" "$own/home/other/file"; chown -R 1234:2345 "$own/srv/file" "$own/home/other"
`;
  const body = scripts.map((script) => `bash -euo pipefail -c ${quote(script)}`).join("\n");
  const words = ["--mount", "--propagation", "private", "--pid", "--fork", "bash", "-c"];
  const whole = `${setUp}status=0; chroot "$own" bash -euc ${quote(body)} 2>&1 || status=$?
cd /; umount -n -l "$own"; rmdir "$own"; exit $status`;
  return execFileSync("unshare", [...words, whole], { encoding: "utf8", timeout: 60_000, cwd: "/" });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

describe("Account", () => {
  const deployed = () =>
    deploy(() => {
      const guest = localGuest("vm", { developer: { uid: 1234, gid: 2345 } });
      const packages = new GuestPackages("vm-packages", { guest });
      return new Account("vm-account", { guest, user: "o'dd; $(x)" }, { dependsOn: packages });
    }, printedOf());

  it("has the ids of the host's developer, and moves whoever has them", async () => {
    const step = (await deployed()).resource("command:remote:Command", "vm-account");
    const values = ["user", "uid", "gid", "conflict"].map((name) => given(step, name));
    expect(values).toEqual([`'o'\\''dd; $(x)'`, "1234", "2345", "move"]);
  });

  it("is made after what it depends on", async () => {
    const { resource } = await deployed();
    const step = resource("command:remote:Command", "vm-account");
    expect(step.dependsOn).toContain("command:remote:Command vm-packages");
    expect(step.parent).toBe("duet:guest:Account vm-account");
    expect(resource("duet:guest:Account", "vm-account").outputs).toEqual({});
  });
});

const ids = "id -u duet; id -g duet; id -u other; id -g other; stat -c '%u:%g' /srv/file /home/other/file; ls /home";
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)("the account", { timeout: 120_000 }, () => {
  it("gets the ids, and whoever had them moves with all files", () => {
    const seen = inOwnRoot(account("create"), ids).split("\n");
    expect(seen).toContain("moved group others to id 1001");
    expect(seen).toContain("moved user other to id 1002");
    const [uid, gid, otherUid, otherGid, file, homeFile] = seen.slice(seen.indexOf("1234"));
    expect([uid, gid]).toEqual(["1234", "2345"]);
    expect([otherUid, otherGid, file, homeFile]).toEqual(["1002", "1001", "1002:1001", "1002:1001"]);
  });

  it("is the same if it is made again, and if its ids were changed by hand", () => {
    const make = account("create");
    const seen = inOwnRoot(make, make, "usermod -u 4321 duet; groupmod -g 4322 duet", make, account("facts"));
    expect(seen).toContain(
      "uid: 1234\ngid: 2345\nhome: /home/duet of 1234:2345\nsudo: duet ALL=(ALL:ALL) NOPASSWD: ALL\n",
    );
  });

  it("is an error that names who has the id, if that is asked for", () => {
    const make = account("create", { conflict: "fail" });
    const seen = inOwnRoot(`(${make}) || echo "status $?"`, "cat /etc/passwd");
    expect(seen).toMatch(/^cannot give .*duet .*group id 2345: .*others; .*\nstatus 1\n/m);
    expect(seen).not.toContain("/home/duet");
  });

  it("leaves what is mounted alone, the top of it too", () => {
    const mount =
      "mkdir /srv/share; mount -n -t ramfs ramfs /srv/share; chown 1234:2345 /srv/share; mount -n -o remount,ro /srv/share";
    const seen = inOwnRoot(
      mount,
      account("create"),
      "stat -c '%u:%g' /srv/share /srv/file",
      account("create", { uid: 1300 }),
    );
    expect(seen).toMatch(/^1234:2345\n1002:1001$/m);
  });

  it("keeps its home under another name, and with another id", () => {
    const other = { user: "dev", uid: 1300 };
    const seen = inOwnRoot(
      account("create"),
      "echo mine >/home/duet/notes; chown duet: /home/duet/notes",
      account("create", other),
      "echo; cat /home/dev/notes; stat -c %u:%g /home/dev/notes; ls /home /etc/sudoers.d; cut -d: -f1 /etc/group",
      account("delete", other),
      "ls /home; cut -d: -f1 /etc/passwd",
    );
    const after = seen.slice(seen.indexOf("\nmine\n"));
    expect(after).toMatch(
      /^\nmine\n1300:2345\n\/etc\/sudoers\.d:\nduet-dev\n\n\/home:\ndev\nother\nroot\nothers\ndev\n/,
    );
    expect(after).toMatch(/\nother\nroot\nother\n$/);
  });

  it("goes without a trace, and twice", () => {
    const seen = inOwnRoot(
      account("create"),
      account("delete"),
      account("delete"),
      "cat /etc/passwd /etc/group; ls /home /etc/sudoers.d",
    );
    expect(seen.replace(/^(moved|userdel).*\n/gm, "")).not.toContain("duet");
  });
});
