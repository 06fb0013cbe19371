/**
 * The components one by one: a guest with a kernel made from defconfig and a module, proven debuggable, and nothing else.
 * The spec says where things are, and is checked; the program says which parts are made.
 */
import {
  Account,
  DebugSession,
  DuetModule,
  GuestAddress,
  GuestPackages,
  Image,
  KernelBuild,
  KernelConfig,
  KernelInstall,
  Network,
  NfsExport,
  NfsMount,
  onThisMachine,
  prepareHost,
  SourceTree,
  VirtualMachine,
} from "duet-environment";

const vm = { name: "duetdev", memory: 1024, vcpus: 2, disk: 8 };
const { spec, site } = onThisMachine({
  sources: {
    directory: "/media/data/duet",
    kernel: { package: "linux-source-6.1" },
    module: { tree: "/media/data/duet/duet-module" },
    tools: { tree: "/media/data/duet/duet-tools" },
  },
  vms: [vm],
});
const { directory } = spec.sources;

// The host: packages, libvirt, sources, network, NFS.
const { host, server, packages, place, libvirtParent } = prepareHost("libvirt", { spec, site });
const source = (role: "kernel" | "module") =>
  new SourceTree(
    `${role}-source`,
    { host, role: `duet-${role}`, source: site.sources[role], directory },
    { dependsOn: [packages, ...place] },
  );
const sources = { kernel: source("kernel"), module: source("module") };
const network = new Network("network", { host }, libvirtParent);
const address = new GuestAddress(vm.name, { host, network }, { dependsOn: network });
const nfs = new NfsExport(
  "nfs-export",
  { host, directory, server, address: network.hostAddress, clients: [address.address] },
  { dependsOn: [packages, ...Object.values(sources), network] },
);

// The kernel, which no guest has to be there for.
const config = new KernelConfig("kernel-config", {
  host,
  source: sources.kernel,
  directory,
  base: "defconfig",
  localmodconfig: false,
  fragments: [],
});
const kernel = new KernelBuild("kernel", { host, source: sources.kernel, config });

// The guest, with that kernel.
const image = new Image(
  "image",
  { host, source: site.image, smallestDisk: vm.disk },
  { ...libvirtParent, dependsOn: packages },
);
const symbols = { tree: kernel.tree, build: kernel.build, modules: sources.module.tree };
const guest = new VirtualMachine(vm.name, { ...vm, host, network, image, address, symbols }, libvirtParent);
const guestPackages = new GuestPackages(`${guest.id}-packages`, { guest });
const account = new Account(`${guest.id}-account`, { guest, user: "duet" }, { dependsOn: guestPackages });
const mount = new NfsMount(
  `${guest.id}-mount`,
  { guest, source: nfs.mountSource, directory },
  { dependsOn: [guestPackages, nfs] },
);
const install = new KernelInstall(`${guest.id}-kernel`, { guest, kernel }, { dependsOn: mount });

// The module, and gdb's proof that it can be debugged.
const module = new DuetModule("module", { host, source: sources.module, kernel });
const loaded = module.loadIn(guest, { dependsOn: [account, mount, install] });
const session = new DebugSession(
  `${guest.id}-debug`,
  { guest, directory, kernel, module, loaded },
  { dependsOn: loaded.resource },
);

/** What `uname -r` says in the guest. */
export const kernelRelease = install.release;
/** The function of the module at which gdb can stop, with its file and line. */
export const proof = session.proof;
/** Words of the command that attaches gdb. */
export const gdb = session.gdb;
