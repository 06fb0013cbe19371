import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import { imageNote, imageVolume, libvirtName } from "../names.ts";

/** Where the disk image of the guests comes from: a file, an absolute path, with an optional SHA-256 in hex. */
export interface ImageSource {
  /** Absolute path of the image's file. */
  readonly path: string;
  /** SHA-256 checksum of the file, 64 hexadecimal digits. Defaults to none: it is not checked. */
  readonly sha256?: string | undefined;
  /** From where the file is fetched, if it is missing. */
  readonly url?: string | undefined;
  /** Words of a command that makes the file, if it is missing, and prints its progress. */
  readonly build?: readonly string[] | undefined;
}

/** Of what the disks of guests are made. */
export interface ImageArgs {
  /** The host whose libvirt gets it. */
  readonly host: Host;
  /** Where it comes from. */
  readonly source: ImageSource;
  /** The smallest disk that a guest is to have of it, in GiB. */
  readonly smallestDisk: number;
}

/**
 * The storage pool of a stack with the image in it, on which the guests' disks are copy-on-write overlays.
 *
 * Errors: an image that is not there, is another than was asked for, is no qcow2, or is larger than a guest's disk; and
 * another image than guests have their disks of, which would be lost.
 */
export class Image extends pulumi.ComponentResource {
  /** Name of the pool. */
  readonly pool: pulumi.Output<string>;
  /** Id of the volume that holds the image. */
  readonly volumeId: pulumi.Output<string>;

  constructor(name: string, { host, source, smallestDisk }: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Image", name, {}, opts);
    const { path, sha256, url, build = [] } = source;
    const step = host.root.step(
      `${name}-file`,
      {
        title: "make the guest image",
        script: script(import.meta.url, "image.sh", {
          path,
          sha256,
          url,
          build,
          // The cache is the developer's to delete.
          owner: host.isOfPerson ? `${host.developer.uid}:${host.developer.gid}` : "",
          fetch_namespace: host.fetchNamespace,
          smallest_disk: smallestDisk,
          uri: host.uri,
          pool: libvirtName(host.stack),
          volume: imageVolume,
          noted: `${host.stateFolder}/${imageNote}`,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    const poolName = libvirtName(host.stack);
    const pool = new libvirt.Pool(
      `${name}-pool`,
      { name: poolName, type: "dir", target: { path: `/var/lib/libvirt/images/${poolName}` } },
      { parent: this, deleteBeforeReplace: true },
    );
    const volume = new libvirt.Volume(
      name,
      // Not what the step printed: while the file is to be made again, a preview would not know it, and replace guests.
      { name: imageVolume, pool: pool.name, source: path, format: "qcow2" },
      { parent: this, deleteBeforeReplace: true, dependsOn: [step.resource] },
    );
    this.pool = pool.name;
    this.volumeId = volume.id;
    this.registerOutputs({ pool: this.pool, volumeId: this.volumeId });
  }
}
