import { type Finding, note, ok, stop } from "./finding.ts";
import type { Probe } from "./probe.ts";

/** What may keep guests from the server of their sources, port 2049 of the host. */
export function firewall(probe: Probe): readonly Finding[] {
  const found: Finding[] = [];
  if (/^ENABLED=yes/m.test(probe.read("/etc/ufw/ufw.conf") ?? "")) {
    found.push(
      note("firewall", "ufw is on; do sudo ufw allow in on duet-+ to any port 2049 proto tcp, if a mount fails"),
    );
  }
  if ((probe.run("firewall-cmd", "--state") ?? "").trim() === "running") {
    found.push(
      note("firewall", "firewalld is on; do sudo firewall-cmd --zone=libvirt --add-service=nfs, if a mount fails"),
    );
  }
  const rules = probe.run("nft", "list", "chains") ?? "";
  if (/hook input [^}]*policy drop/s.test(rules)) {
    found.push(note("firewall", "nftables drops what comes in by default; let tcp port 2049 in from bridges duet-*"));
  }
  // Docker drops what is forwarded, that of libvirt's networks too.
  if ((probe.run("ip", "-o", "link", "show", "docker0") ?? "") !== "") {
    found.push(
      note(
        "docker",
        "it drops what guests send to the internet; do sudo iptables -I DOCKER-USER -j ACCEPT, if they need that",
      ),
    );
  }
  return found.length > 0 ? found : [ok("firewall", "none was found")];
}

const listens = (probe: Probe, kind: "t" | "u", port: number): readonly string[] =>
  (probe.run("ss", `-Hln${kind}`, `sport = :${port}`) ?? "")
    .split("\n")
    .flatMap((line) => line.trim().split(/\s+/)[3] ?? []);

/** Of the ports of stubs, from 1234 on, which are taken. */
export function ports(probe: Probe, asked: readonly number[]): readonly Finding[] {
  const taken = asked.filter((port) => listens(probe, "t", port).length > 0);
  if (taken.length > 0) {
    return taken.map((port) =>
      note("ports", `somebody listens on gdb port ${port}; if that is no guest of this stack, ask for another`),
    );
  }
  return [ok("ports", asked.length > 0 ? `${asked.join(", ")} are free` : "leased from 1234 on")];
}

/** Whether the port of Cockpit is free, if a web console is asked for. */
export function webConsole(probe: Probe, isAsked: boolean): readonly Finding[] {
  if (!isAsked) {
    return [];
  }
  if ((probe.run("systemctl", "is-active", "cockpit.socket") ?? "").trim() === "active") {
    return [note("web console", "cockpit.socket listens already; it is left as it is, unless a stack has set it up")];
  }
  return listens(probe, "t", 9090).length > 0
    ? [stop("web console", "somebody listens on port 9090; end that, or leave duet:host.console out")]
    : [ok("web console", "port 9090 is free")];
}

/** Another server of names on all addresses keeps libvirt's from its own. */
export function names(probe: Probe): Finding {
  return listens(probe, "u", 53).some((address) => /^(?:0\.0\.0\.0|\*|\[::\]):/.test(address))
    ? note(
        "names",
        "a server listens on port 53 of all addresses; have it bind to its own (dnsmasq: bind-dynamic), or a network does not start",
      )
    : ok("names", "port 53 is free for networks");
}

/** The server of the sources. */
export function nfs(probe: Probe, server: string): readonly Finding[] {
  if (server !== "kernel") {
    return [ok("NFS", "nfs-ganesha, a process of the stack's own")];
  }
  const has =
    /\bnfsd\b/.test(probe.read("/proc/filesystems") ?? "") || Boolean(probe.run("modinfo", "-F", "filename", "nfsd"));
  if (!has) {
    return [stop("NFS", "this kernel has no nfsd; ask for nfsServer: ganesha in duet:host")];
  }
  const everywhere = note(
    "NFS",
    "nfsd listens on every address of this host; the export alone keeps others out of the sources",
  );
  const exported = probe.run("exportfs", "-s") ?? "";
  const [, root] = /^(\S+).*[(,]fsid=(?:0|root)[,)]/m.exec(exported) ?? [];
  if (root === undefined) {
    return [everywhere];
  }
  return /^\/(?:export)?$/.test(root)
    ? [everywhere, ok("NFS", `paths begin at ${root} (fsid=0), which is opened to guests, too`)]
    : [
        everywhere,
        stop(
          "NFS",
          `paths begin at ${root} (fsid=0), and the export is below /export; move that, or ask for nfsServer: ganesha`,
        ),
      ];
}

/** How what is downloaded comes here. */
export function proxy(probe: Probe): readonly Finding[] {
  const said = probe.environment.https_proxy ?? probe.environment.HTTPS_PROXY;
  return said === undefined ? [] : [ok("proxy", `downloads go through ${said.replace(/\/\/[^@/]*@/, "//")}`)];
}
