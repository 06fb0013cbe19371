import { createHash } from "node:crypto";
import { checksumFact } from "../machine/checksum.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

/** Absolute path of the seed of a guest, in the guest's own folder. */
export function seedFile(folder: string): string {
  return `${folder}/seed.iso`;
}

/** What tells one seed from another, for the name of its volume: 16 hex digits. */
export function seedKey(userData: string): string {
  return createHash("sha256").update(userData).digest("hex").slice(0, 16);
}

/**
 * Makes the disk from which cloud-init takes what the guest is to be. Standard input is the user data, which holds keys.
 *
 * Source: cloud-init's documentation, data source "NoCloud".
 */
export function seedScript(hostname: string, folder: string): Shell {
  const metaData = JSON.stringify({ "instance-id": hostname, "local-hostname": hostname });
  const file = seedFile(folder);
  return lines(
    sh`umask 077; scratch=$(mktemp -d -p ${folder}); trap 'rm -rf -- "$scratch"' EXIT`,
    sh`cat >"$scratch/user-data"; printf %s ${metaData} >"$scratch/meta-data"`,
    sh`mkisofs -quiet -volid cidata -joliet -rock -o "$scratch/iso" "$scratch/user-data" "$scratch/meta-data" >&2`,
    sh`mv -- "$scratch/iso" ${file}`,
  );
}

/** The disk as it was made. */
export function seedFacts(folder: string): Shell {
  return checksumFact("seed", seedFile(folder));
}
