/**
 * What each key of a spec means, by its path: a sentence or two, with units and shapes. `*` stands for the roles of
 * sources, and `[]` for each entry of a list. A test holds that no key is without its words, and no words without a key.
 */
export const words: Readonly<Record<string, string>> = {
  host: "Where libvirt and the server of the sources are.",
  "host.sandbox":
    "Whether the host is one that the project makes itself: a private libvirt in a network namespace of its own, which goes with the last stack. It needs root.",
  "host.uri": "URI of libvirt, if the host is not the embedded one.",
  "host.nfsServer":
    "What serves the sources: the kernel's NFS server, or nfs-ganesha. `auto` is nfs-ganesha on the embedded host, and the kernel's elsewhere.",
  "host.accelerator":
    "Whether the instructions of guests run on the CPU (`kvm`) or are translated (`tcg`). `auto` goes by the CPU and /dev/kvm.",
  "host.stub":
    "Where gdb reaches a guest: a port of loopback, or a unix socket that only you and QEMU reach. A socket excludes `vms[].gdbPort` and the embedded host.",
  "host.console":
    "Whether there is a web console, Cockpit, on loopback. Defaults to yes on the embedded host, and to no elsewhere.",
  "host.crashes": "What is kept of a guest's crashes, and what becomes of the guest.",
  "host.crashes.dumps": "How many dumps of memory are kept for each guest, the newest. With 0 there are reports only.",
  "host.crashes.space": "GiB that dumps take at most for each guest.",
  "host.crashes.after":
    "What becomes of a guest that has crashed, once that is written down: `stay` leaves it to gdb and the next up, `reset` boots it again at once.",
  "host.crashes.directory": "Absolute path of a folder of yours for the reports. Defaults to one that goes at destroy.",
  developer:
    "The account that owns sources and builds on the host, and that is the same in each guest: its files are nobody else's on either side.",
  "developer.user": "Name of the account in the guests.",
  "developer.uid":
    "Numeric user id, the same on both sides. Defaults to yours, or that of whoever typed sudo; 1000 if that is root.",
  "developer.gid": "Numeric id of the primary group. Defaults as `uid` does.",
  "developer.conflict":
    "What happens to an account of the guest that has the id already: `move` gives it another one, as usermod(8) does, `fail` ends with an error.",
  sources: "The sources, and the directory that host and guests share at one path.",
  "sources.directory":
    "Absolute path of that directory, the same on both sides: letters, digits and any of `@%+=:,./_-`.",
  "sources.kernel": "The kernel's sources.",
  "sources.module": "The module's sources.",
  "sources.tools": "The sources of the user's tools.",
  "sources.*.git": "URL of a repository that is cloned. A clone that has edits is never switched.",
  "sources.*.branch": "A branch, a tag or a commit. Defaults to whichever is checked out.",
  "sources.*.submodules": "Whether its submodules are brought too, at the commits that it names. Defaults to no.",
  "sources.*.package": "A Debian source package that holds a tarball below /usr/src: `linux-source-6.1`.",
  "sources.*.tree": "Absolute path of a tree of yours, below `sources.directory`, that is used in place.",
  "sources.*.copy":
    "A folder, absolute or of this project, of which a working copy is made. One that nobody has edited follows it.",
  tools: "What the guests have beside Duet's own tools.",
  "tools.perf":
    "Whether the guests have perf: built of the kernel's own sources (`source`), or the newest of their distribution (`package`). `true` is `source`, unless the kernel has a toolchain of its own.",
  "tools.packages": "Debian packages that each guest has besides.",
  "tools.packages[]": "Name of a package: `bpftrace`.",
  image:
    "The disk image of which the guests' disks are made. Another one is refused while guests have disks of the first.",
  "image.build": "Has the project build an image of that Debian, once, and keep it in the cache.",
  "image.path": "Absolute path of an image that is there, qcow2 or raw.",
  "image.url": "URL of an image, which is downloaded once.",
  "image.sha256": "Its SHA-256 checksum, 64 hexadecimal digits. A download needs it.",
  kernel: "How the kernel of all guests is configured, built and packed.",
  "kernel.base":
    "What the configuration begins with: that of the guest (`guest`), tinyconfig (`tiny`), defconfig, or the file at an absolute path.",
  "kernel.localmodconfig": "Whether modules that the first guest has not loaded are left out of the build.",
  "kernel.fragments":
    "What is laid over the base, the last one winning: files of this project, or the kernel's own by name, as `make kvm_guest.config` takes them.",
  "kernel.fragments[]": "A file of this project, an absolute path, or the name of one of the kernel's own fragments.",
  "kernel.config": "Lines of a configuration, which come last.",
  "kernel.config[]": "`CONFIG_NAME=value` or `# CONFIG_NAME is not set`.",
  "kernel.toolchain":
    "With what kernel and module are built. An old kernel wants a compiler of its time, and not an old guest; module and kernel have the same.",
  "kernel.toolchain.suite": "A Debian suite, of which a build root is made once: `bullseye`.",
  "kernel.toolchain.mirror":
    "URL of a mirror that has the suite. Defaults to Debian's own; an archived suite needs one.",
  "kernel.toolchain.root": "Absolute path of a build root that is there.",
  "kernel.toolchain.cc": "Another compiler of the host, by its name or its absolute path: `gcc-9`.",
  "kernel.packages": "What guests install beside the kernel. Each takes its share of an up after an edit.",
  "kernel.packages[]":
    "`headers`: what builds modules without the sources. `debug`: the symbols, where perf looks for them.",
  "kernel.boot":
    "How guests come to their kernel. `installed`: from a package, by their boot loader, as on real machines. `direct`: libvirt boots it from the build, and only modules are brought into the guest, which takes less time; what a guest needs to boot has to be built in.",
  kernels:
    "Kernels by their names, in the place of `duet:kernel`, for guests that run different ones. A name has 1 to 16 lower-case letters, digits and `_`, a letter first, and may go on as a version does: `v6.1`; it is none of `config`, `new`, `time`, `sh` and `unseen`. Each has a build of its own, and an object of the module; each guest names its own in `vms[].kernel`.",
  "kernels.*": "A kernel, with the keys of `duet:kernel`.",
  "kernels.*.source":
    "Its own sources, with the keys of each of `duet:sources`. Defaults to `sources.kernel`, of which kernels that differ in their configuration have one tree.",
  module: "The module, and the function that proves it debuggable.",
  "module.name": "Its name, whose file is `NAME.ko`; a hyphen is as good as an underscore.",
  "module.build":
    "Who builds it: the first guest, as in the guide, or the host. Defaults to `guest`, and to `host` if `kernel.toolchain` is one that no guest has.",
  "module.debug": "Whether it is built as `make debug` does it, with DUET_DEBUG defined.",
  "module.breakpoint":
    "A function of the module that gdb has to find before a guest counts as debuggable. Defaults to the module's hook, or its first function.",
  "module.probation":
    "Seconds that the module has to live after a load before a boot of its guest loads it by itself: a guest that it took down comes back without it.",
  vms: "The guests, 1 to 16. The first one builds what is built in a guest.",
  "vms[]": "A guest.",
  "vms[].name": "Name of the domain, and the guest's host name: lower-case letters, digits and inner hyphens.",
  "vms[].memory": "Memory in MiB. With less than 512 Duet fails page allocations.",
  "vms[].vcpus": "Number of processors.",
  "vms[].disk": "Size of its disk in GiB. It grows in place, and never shrinks.",
  "vms[].gdbPort": "Port of its gdb stub, on loopback. Defaults to one that is leased from 1234 on, and kept.",
  "vms[].bootTimeout":
    "Seconds that it may take to come up, in all. One that panics, or is silent for 240 s, is given up before.",
  "vms[].kernel": "Name of the one among `duet:kernels` that it runs. Needed if there are several.",
  "vms[].snapshot":
    "Whether its memory and its disk are kept once it is proven. When it has panicked or hangs, `up` takes it back to that in the place of a boot, and what was written in it since is lost; one that is off, or was rebooted, boots.",
  "vms[].boot": "How this one comes to its kernel. Defaults to what the kernel says.",
};
