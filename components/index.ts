/** The library: a Duet environment whole, or a part of it in a program of your own. */
export { CrashReports, type CrashReportsArgs } from "./crash/crash-reports.ts";
export { DuetModule, type DuetModuleArgs, type LoadedModule } from "./duet/module.ts";
export { DuetTools, type DuetToolsArgs } from "./duet/tools.ts";
export { Editor, type EditorArgs } from "./editor/editor.ts";
export { DuetEnvironment, type DuetEnvironmentArgs } from "./environment.ts";
export { AutoLoad, type AutoLoadArgs } from "./gdb/auto-load.ts";
export { DebugSession, type DebugSessionArgs, type Proof } from "./gdb/session.ts";
export { Account, type AccountArgs } from "./guest/account.ts";
export { Image, type ImageArgs, type ImageSource } from "./guest/image.ts";
export { NfsMount, type NfsMountArgs } from "./guest/nfs-mount.ts";
export { GuestPackages, type GuestPackagesArgs } from "./guest/packages.ts";
export { Snapshot, type SnapshotArgs } from "./guest/snapshot.ts";
export { VirtualMachine, type VirtualMachineArgs } from "./guest/virtual-machine.ts";
export type { GuestAccess } from "./guest-access.ts";
export { GdbPort, type GdbPortArgs } from "./host/gdb-port.ts";
export { GuestAddress, type GuestAddressArgs } from "./host/guest-address.ts";
export { type Accelerator, type Developer, Host, type HostArgs } from "./host/host.ts";
export { Network, type NetworkArgs } from "./host/network.ts";
export { NfsExport, type NfsExportArgs, type NfsServer } from "./host/nfs-export.ts";
export { HostPackages, type HostPackagesArgs } from "./host/packages.ts";
export { type PreparedHost, prepareHost } from "./host/prepare.ts";
export { WebConsole, type WebConsoleAccess, type WebConsoleArgs } from "./host/web-console.ts";
export { type Boot, KernelBuild, type KernelBuildArgs, type KernelPackage } from "./kernel/build.ts";
export { BuildRoot, type BuildRootArgs } from "./kernel/build-root.ts";
export {
  type ConfigBase,
  type Fragment,
  KernelConfig,
  type KernelConfigArgs,
  shippedFragments,
} from "./kernel/config.ts";
export { DirectKernel, type DirectKernelArgs } from "./kernel/direct.ts";
export { KernelInstall, type KernelInstallArgs } from "./kernel/install.ts";
export { Perf, type PerfArgs, type PerfSource, perfSource } from "./kernel/perf.ts";
export { type Toolchain, type ToolchainSource, toolchainOf } from "./kernel/toolchain.ts";
export { Machine, type MachineArgs, type SshConnection } from "./machine/machine.ts";
export { script, type ValueInputs } from "./machine/script.ts";
export { type Shell, type ShellValue, sh } from "./machine/shell.ts";
export type { Step, StepArgs } from "./machine/step.ts";
export type { Site, SiteKernel } from "./site.ts";
export { type Source, SourceTree, type SourceTreeArgs } from "./sources/source-tree.ts";
export { parseSpec, type Spec, type SpecInput, type VirtualMachineSpec, valuesOf } from "./spec.ts";
export type { KernelSpec } from "./spec-kernel.ts";
export { SpecError } from "./spec-problems.ts";
