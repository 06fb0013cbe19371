import { createHash } from "node:crypto";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import { seedVolume } from "../names.ts";
import type { Image } from "./image.ts";

export interface SeedArgs {
  readonly host: Host;
  readonly image: Image;
  /** Name of the guest. */
  readonly guest: string;
  /** Absolute path of the guest's own folder in the state. */
  readonly folder: string;
  /** What the guest is to be, keys included. */
  readonly userData: pulumi.Output<string>;
}

/**
 * The volume with the disk from which cloud-init takes what the guest is to be.
 *
 * Not libvirt.CloudinitDisk: it reads back what it has written, over which the provider's client may wait for ever.
 * Its resources belong to the guest's component.
 */
export function makeSeed(name: string, args: SeedArgs, opts: pulumi.CustomResourceOptions): libvirt.Volume {
  const { host, image, guest, folder, userData } = args;
  const file = `${folder}/seed.iso`;
  const step = host.step(
    `${name}-image`,
    {
      title: `make the seed of ${guest}`,
      script: script(import.meta.url, "seed.sh", {
        folder,
        file,
        meta_data: JSON.stringify({ "instance-id": guest, "local-hostname": guest }),
      }),
      stdin: userData,
    },
    opts,
  );
  const key = (data: string) => createHash("sha256").update(data).digest("hex").slice(0, 16);
  return new libvirt.Volume(
    name,
    {
      name: pulumi.unsecret(userData.apply((data) => seedVolume(guest, key(data)))),
      pool: image.pool,
      source: file,
      // As libvirt finds it when it looks: another word would be a change, and a new volume at every `up`.
      format: "iso",
    },
    { ...opts, deleteBeforeReplace: true, dependsOn: [step.resource] },
  );
}
