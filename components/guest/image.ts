import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { inNamespace } from "../machine/packages.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

/** Where the disk image of the guests comes from; each is a file with an optional SHA-256 in hex. */
export type ImageSource =
  | { readonly path: string; readonly sha256?: string }
  | { readonly path: string; readonly sha256: string; readonly url: string }
  /** Words of a command that makes the file and prints its progress. */
  | { readonly path: string; readonly build: readonly string[] };

export interface ImageArgs {
  readonly host: Machine;
  /** URI of libvirt. */
  readonly uri: string;
  /** The stack whose guests use it. */
  readonly stack: string;
  readonly source: ImageSource;
  /** Path of a network namespace that reaches the internet. Defaults to the current one. */
  readonly fetchNamespace?: string;
}

/** Makes sure that the image is there and is the one that was asked for. */
export function imageScript(source: ImageSource, fetchNamespace?: string): Shell {
  const { path } = source;
  const fetch = inNamespace(fetchNamespace);
  return lines(
    ...("url" in source
      ? [
          sh`if [ ! -e ${path} ]; then`,
          sh`  mkdir -p -- "$(dirname ${path})"`,
          sh`  ${fetch}curl -fsSL --retry 3 --connect-timeout 20 -o ${`${path}.part`} -- ${source.url} >&2 ||`,
          sh`    ${fail(sh`${`image ${source.url} was asked for, and cannot be fetched, see above: correct duet:image, or mend the way to it`}`)}`,
          sh`  mv -- ${`${path}.part`} ${path}`,
          sh`fi`,
        ]
      : []),
    ...("build" in source ? [sh`[ -e ${path} ] || ${fetch}${source.build} >&2`] : []),
    sh`[ -r ${path} ] || ${fail(sh`${`image ${path} was asked for, and there is no such file: correct duet:image`}`)}`,
    ...("sha256" in source && source.sha256 !== undefined
      ? [
          sh`found=$(sha256sum -- ${path} | cut -d' ' -f1)`,
          sh`[ "$found" = ${source.sha256} ] || ${fail(sh`${`image ${path} was asked for with SHA-256 ${source.sha256}, and has `}"$found"${": remove the file, or correct duet:image"}`)}`,
        ]
      : []),
  );
}

/** Size and time of the image. */
export function imageFacts({ path }: ImageSource): Shell {
  return sh`stat -L -c 'image: %s bytes of %Y' -- ${path}`;
}

/** The storage pool of a stack with the image in it, on which the guests' disks are copy-on-write overlays. */
export class Image extends pulumi.ComponentResource {
  /** Name of the pool. */
  readonly pool: pulumi.Output<string>;
  /** Id of the volume that holds the image. */
  readonly volumeId: pulumi.Output<string>;

  constructor(name: string, args: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Image", name, {}, opts);
    const step = args.host.step(
      `${name}-file`,
      {
        title: "make the guest image",
        create: imageScript(args.source, args.fetchNamespace),
        facts: imageFacts(args.source),
      },
      { parent: this },
    );
    const pool = new libvirt.Pool(
      `${name}-pool`,
      { name: `duet-${args.stack}`, type: "dir", target: { path: `/var/lib/libvirt/images/duet-${args.stack}` } },
      { parent: this, deleteBeforeReplace: true },
    );
    const volume = new libvirt.Volume(
      name,
      // Not what the step printed: while the file is to be made again, a preview would not know it, and replace all guests.
      { name: "image.qcow2", pool: pool.name, source: args.source.path, format: "qcow2" },
      { parent: this, deleteBeforeReplace: true, dependsOn: [step.resource] },
    );
    this.pool = pool.name;
    this.volumeId = volume.id;
    this.registerOutputs({ pool: this.pool, volumeId: this.volumeId });
  }
}
