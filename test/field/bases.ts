import { sh } from "../../components/index.ts";
import { checkAll, demand } from "../e2e/checks.ts";
import { kernel } from "../e2e/stack.ts";
import { change, type FieldCase } from "./case.ts";

/**
 * A configuration that is asked for on a standing stack, built, booted and checked whole, and the stack's own after it.
 *
 * @param line what its kernel has, and the stack's own has not
 */
function configuration(name: string, asked: object, line: string): FieldCase {
  return {
    kind: 7,
    name: `the kernel is configured from ${name}`,
    run: async (stack, say) => {
      const has = () => stack.guest("one", sh`grep -cx -e ${line} "/boot/config-$(uname -r)" || true`);
      demand(`lines ${line} of the stack's own kernel`, await has(), "0");
      await change(stack, { "duet:kernel": asked });
      demand(`lines ${line} of the kernel`, await has(), "1");
      await checkAll(stack);
      say("back");
      await change(stack, {});
      demand(`lines ${line} of the stack's own kernel after it`, await has(), "0");
    },
  };
}

/** Each base that is offered, beside tinyconfig, which the stack's own kernel has. A build is most of an hour. */
export const baseCases: readonly FieldCase[] = [
  configuration("defconfig", { base: "defconfig", localmodconfig: false }, "CONFIG_E1000=y"),
  configuration("the guest's own", { base: "guest", localmodconfig: true }, "CONFIG_SECURITY_APPARMOR=y"),
  configuration(
    "a fragment of its own beside one of the project",
    { ...kernel, fragments: [...kernel.fragments, "kvm_guest.config"] },
    "CONFIG_9P_FS=y",
  ),
];
