// The README's example for Node, run as it stands there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example for Node prints what came back', async () => {
  const example = README.match(/## Node\n\n```js\n(.*?)```/s)?.[1];
  assert.ok(example, 'the README has an example for Node');
  // Another port, in case one runs on the README's. Inside the project the package is known by its own name.
  const file = new URL('../target/readme/example.mjs', import.meta.url);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, example.replaceAll('4433', '44330'));
  const { stdout } = await promisify(execFile)(process.execPath, [file.pathname], { timeout: 30_000 });
  assert.equal(stdout, 'hello\n');
});
