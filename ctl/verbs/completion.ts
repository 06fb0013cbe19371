import { Argument } from "commander";
import { verb } from "../command.ts";

/** What has a shell ask duetctl for the words that may come next. */
export const completion = () =>
  verb("completion", "Print what has your shell complete the words of duetctl.", [
    ['eval "$(duetctl completion bash)"', "in ~/.bashrc"],
    ['eval "$(duetctl completion zsh)"', "in ~/.zshrc, after compinit"],
  ])
    .addArgument(new Argument("<shell>", "your shell").choices(["bash", "zsh"]))
    .action(async (shell: "bash" | "zsh") => {
      const { shellSetup } = await import("../completion.ts");
      process.stdout.write(shellSetup(shell));
    });
