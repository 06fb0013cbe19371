/** One example of the guide: what is typed, and what the guest has to answer. */
export interface Example {
  /** What it is for, in a few words. */
  readonly name: string;
  /** What a person types, a line each. */
  readonly typed: readonly string[];
  /** What the answer has in it, whatever the numbers are. */
  readonly answer: RegExp;
}

/** What an example showed. */
export interface Shown {
  readonly example: Example;
  /** What was printed, as it came. */
  readonly printed: string;
}

/** @returns the examples whose answer is not the right one, a line each */
export function wrong(shown: readonly Shown[]): readonly string[] {
  return shown
    .filter(({ example, printed }) => !example.answer.test(printed))
    .map(({ example, printed }) => `${example.name}: expected ${example.answer}, found ${JSON.stringify(printed)}`);
}
