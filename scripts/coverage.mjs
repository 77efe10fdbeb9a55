// How many lines of src/ do the tests run? `npm run coverage`; with `--html` a page of every line in target/llvm-cov/html.
//
// It needs cargo-llvm-cov (`cargo install cargo-llvm-cov --locked`) and LLVM's own programs: those of
// `rustup component add llvm-tools`, or any of the same version that LLVM_COV and LLVM_PROFDATA name.
//
// Counted are the files of src/ without wasm/, whose tests run elsewhere (in Node and in browsers), and without files of
// tests. Tests that stand in a file beside its code are counted with it.

import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ask, main, Problem, ROOT, run, step } from './steps.mjs';

/** What the project wants, in percent. */
const GOAL = 95;
/** Files that are covered less than this are named. */
const WORTH_NAMING = 95;

const REPORT = 'target/coverage.json';
const FEATURES = 'inspect,sim,all-algorithms,certificate-compression';

const isCounted = (path) => path.startsWith('src/') && !path.startsWith('src/wasm') && !/(^|\/)tests(\.rs|\/)/.test(path);
const percent = ({ covered, count }) => (count === 0 ? 100 : covered / count * 100);

main(async () => {
  if (!await ask('cargo', ['llvm-cov', '--version'])) throw new Problem('cargo-llvm-cov is missing: cargo install cargo-llvm-cov --locked');
  const html = process.argv.includes('--html');
  await step('every test, with every line counted', () => run('cargo', ['llvm-cov', '--no-report', '--features', FEATURES, '--no-fail-fast'], { log: 'coverage' }));
  await run('cargo', ['llvm-cov', 'report', '--json', '--summary-only', '--output-path', REPORT]);
  if (html) await run('cargo', ['llvm-cov', 'report', '--html']);

  const [{ files }] = JSON.parse(readFileSync(join(ROOT, REPORT), 'utf8')).data;
  const counted = files.map(({ filename, summary: { lines } }) => ({ path: relative(ROOT, filename), ...lines })).filter(({ path }) => isCounted(path));
  if (counted.length === 0) throw new Problem('No file of src/ was run.');
  const total = counted.reduce((sum, { covered, count }) => ({ covered: sum.covered + covered, count: sum.count + count }), { covered: 0, count: 0 });
  for (const file of counted.filter((file) => percent(file) < WORTH_NAMING).sort((a, b) => percent(a) - percent(b))) {
    console.log(`${percent(file).toFixed(1).padStart(6)} %  ${String(file.count - file.covered).padStart(4)} lines not run  ${file.path}`);
  }
  console.log(`${percent(total).toFixed(2)} % of ${total.count} lines in ${counted.length} files are run by tests; the goal is ${GOAL} %.`);
  if (percent(total) < GOAL) process.exitCode = 1;
});
