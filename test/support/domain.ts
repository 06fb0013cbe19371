export interface DomainArgs {
  /** How it is run. Defaults to "kvm". */
  readonly type?: "kvm" | "qemu";
  /** In MiB. Defaults to 1024. */
  readonly memory?: number;
  /** Defaults to 2. */
  readonly vcpus?: number;
}

/** The domain of the guest duetdev as the provider writes it, in short. */
export function providerDomain({ type = "kvm", memory = 1024, vcpus = 2 }: DomainArgs = {}): string {
  return `<domain type="${type}">
  <name>duetdev</name><memory unit="MiB">${memory}</memory><vcpu>${vcpus}</vcpu>
  <os><type arch="x86_64" machine="pc">hvm</type></os>
  <devices>
    <disk type="volume" device="disk">
      <driver name="qemu" type="qcow2"/><source pool="duet-dev" volume="duetdev.qcow2"/><target dev="vda" bus="virtio"/>
    </disk>
    <graphics type="spice" autoport="yes"/>
    <video><model type="cirrus"/></video>
    <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
  </devices>
</domain>`;
}
