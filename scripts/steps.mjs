// What every script shares: saying what is being done, running programs, and failing with a sentence.
// Only `node:` imports: these modules also run before `npm ci` has.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const TOOLS = join(ROOT, '.tools', 'bin');
export const EXE = process.platform === 'win32' ? '.exe' : '';

/** How long a step may be silent before a line says that it still runs. */
const TICK_MS = 15_000;
/** How much of a failed program's output is shown; the whole of it lies in the log file that is named. */
const TAIL_LINES = 60;

/** A failure that its sentence explains; no stack is shown for it. */
export class Problem extends Error {}

/** Runs a script's main function; a failure becomes a sentence on standard error and a non-zero exit code. */
export async function main(action) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupted(signal));
  try {
    await action();
  } catch (error) {
    console.error(error instanceof Problem ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Children that run now: whoever interrupts a script ends them too, even where no terminal passes the signal on. */
const children = new Set();

function interrupted(signal) {
  for (const child of children) child.kill(signal);
  if (process.listenerCount(signal) === 0) process.exit(signal === 'SIGINT' ? 130 : 143);
}

export function seconds(milliseconds) {
  const s = milliseconds / 1000;
  return s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${String(Math.round(s % 60)).padStart(2, '0')} s`;
}

/** Prints what is done, does it, prints how long it took; `label` tells it from others that run at the same time. */
export async function step(title, action, label) {
  const begun = performance.now();
  console.log(`- ${title}`);
  const result = await action();
  console.log(`  ${label ? `${label}: ` : ''}done in ${seconds(performance.now() - begun)}`);
  return result;
}

/** The environment of every program that is run: the project's own tools come first. */
export function environment(extra = {}) {
  const path = [TOOLS, join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  return { ...process.env, CARGO_TERM_COLOR: 'never', NO_COLOR: '1', ...extra, PATH: path };
}

/**
 * Runs a program to its end and returns `{ code, output }`.
 *
 * Its output is kept, not shown, unless `show` is set; a line every 15 seconds says that it still runs, with `label` before
 * it where several programs run at once.
 * Where `log` is a name, the output is also written to `target/logs/<log>.log`.
 */
export function attempt(command, args, { cwd = ROOT, env = {}, show = false, log, label, input } = {}) {
  return new Promise((settle) => {
    const begun = performance.now();
    const child = spawn(command, args, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] });
    children.add(child);
    let output = '';
    let shown = performance.now();
    const heard = (stream) => (chunk) => {
      output += chunk;
      if (show) stream.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', heard(process.stdout));
    child.stderr.setEncoding('utf8').on('data', heard(process.stderr));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const tick = setInterval(() => {
      if (show || performance.now() - shown < TICK_MS - 500) return;
      shown = performance.now();
      console.log(`  … ${label ? `${label}, ` : ''}${seconds(shown - begun)}: ${lastLine(output)}`);
    }, TICK_MS);
    const finish = (code, extra = '') => {
      clearInterval(tick);
      children.delete(child);
      output += extra;
      if (log) writeLog(log, output);
      settle({ code, output });
    };
    child.on('error', (error) => finish(-1, `${command}: ${error.message}\n`));
    child.on('close', (code, signal) => finish(code ?? -1, signal ? `ended by ${signal}\n` : ''));
  });
}

/** Like `attempt`, but a non-zero exit code is a `Problem` that shows the end of the output. */
export async function run(command, args, options = {}) {
  const { code, output } = await attempt(command, args, options);
  if (code === 0) return output;
  const tail = options.show ? '' : `${tailOf(output)}\n\n`;
  throw new Problem(`${tail}\`${[command, ...args].join(' ')}\` failed (${code === -1 ? 'it did not run' : `exit code ${code}`}).`);
}

export function tailOf(output) {
  const lines = output.trimEnd().split('\n');
  return lines.slice(-TAIL_LINES).map((line) => `    ${line}`).join('\n');
}

function lastLine(output) {
  const lines = output.trimEnd().split('\n');
  return lines.at(-1)?.trim().slice(0, 100) || 'no output yet';
}

/** Keeps a program's output in `target/logs/<name>.log`, and returns that path. */
export function writeLog(name, output) {
  const path = join(ROOT, 'target', 'logs', `${name}.log`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, output);
  return path;
}

/** What a program prints, or `undefined` where it cannot be run. */
export async function ask(command, args) {
  const { code, output } = await attempt(command, args);
  return code === 0 ? output.trim() : undefined;
}

/** All files under the given paths of the project, sorted; what does not exist is left out. */
export function filesUnder(paths) {
  const found = [];
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
    else found.push(path);
  };
  for (const path of paths) visit(join(ROOT, path));
  return found.sort();
}

/** One digest over the names and bytes of the files under the given paths, and over some words. */
export function digest(paths, ...words) {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const file of filesUnder(paths)) {
    hash.update(`\0${relative(ROOT, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/**
 * Runs `action` unless it has already run for the same `stamp`: the digest of what went in, kept in `stampFile` beside
 * what came out. All of `products` must still be there.
 */
export async function unlessFresh(title, stampFile, stamp, products, action, label) {
  const path = join(ROOT, stampFile);
  const fresh = existsSync(path) && readFileSync(path, 'utf8') === stamp && products.every((file) => existsSync(join(ROOT, file)));
  if (fresh) return false;
  await step(title, action, label);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, stamp);
  return true;
}
