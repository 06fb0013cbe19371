import { describe, expect, it } from "vitest";
import { hostAccelerator } from "./accelerator.ts";

describe("the accelerator", () => {
  const intel = "processor : 0\nflags\t\t: fpu vme vmx est\n";
  const amd = "flags\t\t: fpu svm\n";
  const none = "model name: vmx in words\nflags\t\t: fpu vme hypervisor\n";
  it.each([
    [intel, true, "kvm"],
    [amd, true, "kvm"],
    [intel, false, "tcg"],
    [none, true, "tcg"],
    ["", true, "tcg"],
  ] as const)("needs both the CPU's flag and the device", (cpuinfo, usable, expected) => {
    expect(hostAccelerator(cpuinfo, usable)).toBe(expected);
  });
});
