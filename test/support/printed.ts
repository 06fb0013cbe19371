import type { Printed } from "./mocks.ts";

/** What the steps of an environment print if all goes well: those of the host and of the builds. */
export const printedByHost: Printed = {
  "kernel-source": "commit: abc\nhash: h1",
  "module-source": "commit: def\nhash: h2",
  "tools-source": "commit: 012\nhash: h3",
  "network-subnet": "151",
  "image-file": "/images/debian.qcow2",
  "nfs-export": "192.168.151.1:/media/data/duet",
  "web-console": "port: 9090\npassword: s3cret\naddress: http://127.0.0.1:9090",
  "kernel-config-guest-modules": "Module Size",
  "kernel-config-guest-config": "CONFIG_FROM_GUEST=y",
  toolchain: "root: /cache/build-root/stretch",
  "kernel-config": "config: c1",
  kernel: "release: 6.1.0+duet-abc\nbuild-id: 0123\npackage: /media/data/duet/build/duet-kernel/linux.deb",
  "module-build": "build-id: m1",
  "tools-build": "tools: t1",
};

const keysOf = (vm: string) =>
  [`CLIENT KEY ${vm}`, "ssh-ed25519 C c", `HOST KEY ${vm}`, `ssh-ed25519 ${vm} h`]
    .map((text) => Buffer.from(text).toString("base64"))
    .join("\n");

/** Those of guests. */
export const printedOf = (guests: readonly string[]): Printed =>
  Object.fromEntries(
    guests.flatMap((vm, index) => [
      [`${vm}-address`, `192.168.151.${10 + index}`],
      [`${vm}-gdb-port`, "1234"],
      [`${vm}-access`, keysOf(vm)],
      [`${vm}-kernel-boot`, "running: 6.1.0+duet-abc"],
      [`${vm}-kernel-direct`, "running: 6.1.0+duet-abc"],
      [`module-${vm}`, "build-id: m1"],
      [`${vm}-debug`, "function: f\naddress: 0x1\nfile: /m.c\nline: 3"],
    ]),
  );
