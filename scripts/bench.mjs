// Measures this project beside others, and prints the tables as markdown.
//
//     node scripts/bench.mjs              what is native: benches/peers (builds BoringSSL, which takes minutes)
//     node scripts/bench.mjs --node       in Node: benches/node.mjs, on what `npm run build` made
//     node scripts/bench.mjs --size       the bytes that a page downloads, of what `npm run build` made
//     node scripts/bench.mjs --from FILE  tables of JSON lines that were kept from an earlier run
//
// Figures move from machine to machine: compare those of one run. What is to be reached is in docs/performance.md.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { environment, main, Problem, ROOT } from './steps.mjs';

const { values } = parseArgs({
  options: { node: { type: 'boolean' }, size: { type: 'boolean' }, from: { type: 'string' } },
});

await main(async () => {
  if (values.size) return sizes();
  if (values.from) return tables(readFileSync(values.from, 'utf8').split('\n').filter((line) => line.startsWith('{')));
  if (values.node) {
    built();
    return tables(await lines(process.execPath, ['benches/node.mjs'], ROOT));
  }
  tables(await lines('cargo', ['run', '--release', '--locked'], join(ROOT, 'benches', 'peers')));
});

/** The JSON lines that a program prints; what it says beside them is shown as it comes. */
async function lines(command, args, cwd) {
  const child = spawn(command, args, { cwd, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const found = [];
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) {
      found.push(line);
      process.stderr.write('.');
    }
  }
  process.stderr.write('\n');
  const code = await ended;
  if (code !== 0) throw new Problem(`${command} ${args.join(' ')} ended with ${code}.`);
  return found;
}

/** One table for each unit, with a column for each subject and a row for each test; how far the rounds lay apart beside it. */
function tables(json) {
  const results = json.map((line) => JSON.parse(line));
  for (const unit of new Set(results.map((result) => result.unit))) {
    const ofUnit = results.filter((result) => result.unit === unit);
    const subjects = [...new Set(ofUnit.map((result) => result.subject))];
    console.log(`\n**${unit}**, median (least to most)\n`);
    console.log(`| | ${subjects.join(' | ')} |`);
    console.log(`|---|${subjects.map(() => '---:').join('|')}|`);
    for (const test of new Set(ofUnit.map((result) => result.test))) {
      const cells = subjects.map((subject) => cell(ofUnit.find((result) => result.test === test && result.subject === subject)));
      console.log(`| ${test} | ${cells.join(' | ')} |`);
    }
  }
}

function cell(result) {
  if (!result) return '–';
  const text = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
  const { median, least, most } = result;
  return least === most ? text(median) : `${text(median)} (${text(least)} to ${text(most)})`;
}

function sizes() {
  built();
  const kb = (length) => `${(length / 1000).toFixed(1)} KB`;
  const row = (name, bytes) =>
    console.log(`| ${name} | ${kb(bytes.length)} | ${kb(gzipSync(bytes, { level: 9 }).length)} | ${kb(brotliCompressSync(bytes).length)} |`);
  console.log('| | raw | gzip | brotli |\n|---|---:|---:|---:|');
  row('dtls_wasm_bg.wasm', readFileSync(join(ROOT, 'dist', 'dtls_wasm_bg.wasm')));
  const scripts = readdirSync(join(ROOT, 'dist'), { recursive: true }).filter((file) => file.endsWith('.js')).sort();
  row('all scripts of the package', Buffer.concat(scripts.map((file) => readFileSync(join(ROOT, 'dist', file)))));
}

function built() {
  if (!existsSync(join(ROOT, 'dist', 'dtls_wasm_bg.wasm'))) throw new Problem('There is no dist/ yet: run `npm run build` first.');
}
