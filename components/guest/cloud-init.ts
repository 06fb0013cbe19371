export interface UserDataArgs {
  readonly hostname: string;
  /** The public key that may log in as root. */
  readonly authorizedKey: string;
  /** The guest's own ed25519 host key, in OpenSSH's format. */
  readonly hostKey: string;
  readonly hostPublicKey: string;
}

/**
 * cloud-init's user data of a guest. JSON is YAML, so nothing has to be quoted by hand.
 *
 * Source: cloud-init's documentation, modules "ssh", "users and groups" and "set hostname".
 */
export function userData(args: UserDataArgs): string {
  const data = {
    hostname: args.hostname,
    preserve_hostname: false,
    manage_etc_hosts: true,
    disable_root: false,
    ssh_pwauth: false,
    users: [{ name: "root", lock_passwd: true, ssh_authorized_keys: [args.authorizedKey] }],
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: args.hostKey, ed25519_public: args.hostPublicKey },
    package_update: false,
    package_upgrade: false,
  };
  return `#cloud-config\n${JSON.stringify(data, undefined, 2)}\n`;
}
