// How many tests passed, read from the closing lines that test runners print.

/** A result with nothing but this many passed. */
export const passed = (count) => ({ passed: count, failed: 0, ignored: 0 });
/** Several results as one. */
export const together = (...results) => results.reduce((a, b) => ({
  passed: a.passed + b.passed, failed: a.failed + b.failed, ignored: a.ignored + b.ignored, output: [a.output, b.output].filter(Boolean).join('\n'),
}), { ...passed(0), output: '' });

/** `test result: ok. 12 passed; 0 failed; 1 ignored; …`, once for every binary. */
export function rustCounts(output) {
  return sum(output, /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm);
}

/** `ℹ pass 12`, `ℹ fail 0` and so on, which node's reporter `spec` ends with. */
export function nodeCounts(output) {
  const number = (word) => Number(new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  return { passed: number('pass'), failed: number('fail') + number('cancelled'), ignored: number('skipped') + number('todo') };
}

/** The last `12 passed, 0 failed` of a runner of ours, with `, 1 skipped` where it has it. */
export function closingCounts(output) {
  const last = [...output.matchAll(/^.*?(\d+) passed, (\d+) failed(?:, (\d+) (?:skipped|ignored))?/gm)].at(-1);
  return last ? { passed: Number(last[1]), failed: Number(last[2]), ignored: Number(last[3] ?? 0) } : passed(0);
}

function sum(output, pattern) {
  return [...output.matchAll(pattern)].reduce((total, [, ok, bad, not]) => ({
    passed: total.passed + Number(ok), failed: total.failed + Number(bad), ignored: total.ignored + Number(not),
  }), passed(0));
}
