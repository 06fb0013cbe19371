import type { Host } from "../../components/host/host.ts";
import { KernelBuild, type KernelBuildArgs } from "../../components/kernel/build.ts";
import { KernelConfig } from "../../components/kernel/config.ts";
import { SourceTree } from "../../components/sources/source-tree.ts";

/** A kernel of a tree below /d, with its steps `source`, `config` and `kernel`, for a test with mocks. */
export function localKernel(host: Host, args: Pick<KernelBuildArgs, "boots" | "packages"> = {}): KernelBuild {
  const directory = "/d";
  const source = new SourceTree("source", { host, role: "duet-kernel", source: { tree: "/d/src" }, directory });
  const asked = { base: "tiny", localmodconfig: false, fragments: [] };
  const config = new KernelConfig("config", { host, source, directory, ...asked });
  return new KernelBuild("kernel", { host, source, config, ...args });
}
