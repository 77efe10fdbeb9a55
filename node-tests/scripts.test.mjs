// What the scripts conclude from other programs: a miscount here would hide failures everywhere else.

import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closingCounts, nodeCounts, rustCounts, together } from '../scripts/counts.mjs';
import { STEPS } from '../scripts/checks.mjs';
import { attempt, digest, Problem, ROOT, run, unlessFresh } from '../scripts/steps.mjs';

describe('counts', () => {
  it('adds up the closing lines of every Rust test binary', () => {
    const output = `
running 2 tests
test a ... ok
test b ... ignored
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
`;
    assert.deepEqual(rustCounts(output), { passed: 4, failed: 2, ignored: 1 });
  });

  it('counts node\'s cancelled tests as failed and its skipped ones as ignored', () => {
    const output = 'ℹ tests 9\nℹ suites 1\nℹ pass 4\nℹ fail 1\nℹ cancelled 1\nℹ skipped 2\nℹ todo 1\nℹ duration_ms 5\n';
    assert.deepEqual(nodeCounts(output), { passed: 4, failed: 2, ignored: 3 });
  });

  it('counts a real run of node\'s runner', async () => {
    const source = "const { it } = require('node:test'); it('a', () => {}); it('b', () => { throw 1; }); it.skip('c', () => {});";
    const env = { NODE_TEST_CONTEXT: '' };
    const { code, output } = await attempt(process.execPath, ['--test-reporter=spec', '--eval', source], { env });
    assert.notEqual(code, 0);
    assert.deepEqual(nodeCounts(output), { passed: 1, failed: 1, ignored: 1 });
  });

  it('takes the last closing line of our own runners', () => {
    assert.deepEqual(closingCounts('1 passed, 9 failed\n\n12 passed, 3 failed, 2 skipped\n'), { passed: 12, failed: 3, ignored: 2 });
    assert.deepEqual(closingCounts('nothing of the kind'), { passed: 0, failed: 0, ignored: 0 });
  });

  it('adds results', () => {
    const total = together({ passed: 1, failed: 0, ignored: 2, output: 'a' }, { passed: 3, failed: 1, ignored: 0 });
    assert.deepEqual(total, { passed: 4, failed: 1, ignored: 2, output: 'a' });
  });
});

describe('steps', () => {
  const folder = join('target', 'scripts-test');
  before(() => mkdirSync(join(ROOT, folder), { recursive: true }));
  after(() => rmSync(join(ROOT, folder), { recursive: true }));

  it('fails with a sentence that names the command and shows what it printed', async () => {
    await assert.rejects(run(process.execPath, ['-e', 'console.error("the reason"); process.exit(3)']), (error) => {
      assert.ok(error instanceof Problem);
      assert.match(error.message, /the reason[^]*failed \(exit code 3\)/);
      return true;
    });
    await assert.rejects(run('no-such-program-anywhere', []), /did not run/);
  });

  it('does a step again when what goes in changes, when what came out is gone, and not otherwise', async () => {
    const [input, product, stamp] = ['input', 'product', 'stamp'].map((name) => join(folder, name));
    let times = 0;
    const build = () => unlessFresh('a step of this test', stamp, digest([input]), [product], () => {
      times += 1;
      writeFileSync(join(ROOT, product), '');
    });
    writeFileSync(join(ROOT, input), 'one');
    assert.deepEqual([await build(), await build(), times], [true, false, 1]);
    writeFileSync(join(ROOT, input), 'two');
    assert.deepEqual([await build(), await build(), times], [true, false, 2]);
    rmSync(join(ROOT, product));
    assert.deepEqual([await build(), times], [true, 3]);
  });

  it('does a step again that failed', async () => {
    const stamp = join(folder, 'stamp-of-failure');
    await assert.rejects(unlessFresh('a step of this test that fails', stamp, 'x', [], () => Promise.reject(new Problem('no'))), /no/);
    assert.equal(existsSync(join(ROOT, stamp)), false);
  });
});

describe('the steps of npm test', () => {
  it('have names of their own, and need only what runs before them', () => {
    const names = STEPS.map((step) => step.name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, needs } of STEPS) {
      if (needs) assert.ok(names.indexOf(needs) >= 0 && names.indexOf(needs) < names.indexOf(name), `${name} needs ${needs}`);
    }
  });
});
