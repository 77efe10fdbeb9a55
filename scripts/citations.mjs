// Are the rules of RFC 9147 cited where they are obeyed, and at a test that shows it?
//
// `docs/requirements/*.json` holds the sentences with a key word of RFC 2119. Source and tests cite them so:
//
//     //= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
//     //# If the sequence number is less than next_receive_seq, the message MUST be discarded.
//
// A quotation is one or several whole sentences, or a part of one that holds its key word. Of those sentences that say
// MUST, each needs a citation in src/ and another at a test, or a reason why it does not concern this project. A quotation
// that is none is an error; so is a reason for a sentence that is cited all the same.
//
// `node scripts/citations.mjs` lists what is missing; with `--all` also where everything is cited.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { filesUnder, main, ROOT } from './steps.mjs';

const ALL = process.argv.includes('--all');
const KEYWORD = /\b(MUST|SHALL|REQUIRED|SHOULD|RECOMMENDED|MAY|OPTIONAL)\b/;

const squeezed = (text) => text.replace(/\s+/g, ' ').trim();

/** The documents whose sentences are known, each with its sentences. */
function documents() {
  return filesUnder(['docs/requirements']).filter((file) => file.endsWith('.json')).map((file) => {
    const { title, url, sentences } = JSON.parse(readFileSync(file, 'utf8'));
    return { title, url, sentences: sentences.map((sentence) => ({ ...sentence, code: [], tests: [] })) };
  });
}

/** Every citation of a file: where it stands, what it names, what it quotes, and whether it stands at a test. */
function citations(file) {
  const path = relative(ROOT, file);
  const lines = readFileSync(file, 'utf8').split('\n');
  const inlineTests = lines.findIndex((line, index) => line.startsWith('#[cfg(test)]') && /^(pub )?mod \w+ \{/.test(lines[index + 1] ?? ''));
  const isTestFile = /^tests\/|\/tests\.rs$|\/tests\//.test(path);
  const found = [];
  lines.forEach((line, index) => {
    const place = /^\s*\/\/= (https:\/\/\S+?)#section-(\S+)\s*$/.exec(line);
    if (!place) return;
    const quoted = [];
    for (let next = index + 1; /^\s*\/\/#/.test(lines[next] ?? ''); next += 1) quoted.push(lines[next].replace(/^\s*\/\/#/, ''));
    const isTest = isTestFile || (inlineTests >= 0 && index > inlineTests);
    found.push({ at: `${path}:${index + 1}`, url: place[1], section: place[2], quotation: squeezed(quoted.join(' ')), isTest });
  });
  return found;
}

/** The sentences of a section that a quotation quotes: all that it contains, or the one that contains it. */
function quotedBy({ quotation, section }, { sentences }) {
  const here = sentences.filter((sentence) => sentence.section === section);
  const whole = here.filter(({ text }) => quotation.includes(text));
  const rest = whole.reduce((left, { text }) => left.replace(text, ''), quotation).trim();
  if (whole.length > 0 && rest === '') return whole;
  if (whole.length > 0 || quotation === '') return [];
  return here.filter(({ text, level }) => text.includes(quotation) && (level === 'TEXT' || KEYWORD.test(quotation)));
}

main(() => {
  const known = documents();
  const problems = [];
  let elsewhere = 0;
  let cited = 0;
  for (const file of filesUnder(['src', 'tests']).filter((path) => path.endsWith('.rs'))) {
    for (const citation of citations(file)) {
      const document = known.find(({ url }) => url === citation.url);
      if (!document) {
        elsewhere += 1;
        if (citation.quotation === '') problems.push(`${citation.at} quotes nothing.`);
        continue;
      }
      cited += 1;
      const sentences = quotedBy(citation, document);
      if (sentences.length === 0) problems.push(`${citation.at} is no quotation of ${document.url}, section ${citation.section}: “${citation.quotation}”`);
      for (const sentence of sentences) (citation.isTest ? sentence.tests : sentence.code).push(citation.at);
    }
  }

  let passed = 0;
  for (const { title, sentences } of known) {
    const rules = sentences.filter(({ level }) => level === 'MUST');
    const ours = rules.filter(({ excused }) => !excused);
    for (const [where, places] of [['in src/', 'code'], ['at a test', 'tests']]) {
      const missing = ours.filter((rule) => rule[places].length === 0);
      problems.push(...missing.map(({ section, text }) => `${title}, section ${section}, is not cited ${where}: “${text}”`));
      passed += ours.length - missing.length;
    }
    for (const { section, text, code, tests } of rules.filter((rule) => rule.excused)) {
      if (code.length + tests.length > 0) problems.push(`${title}, section ${section}, has a reason not to be cited, and is cited at ${[...code, ...tests].join(', ')}: “${text}”`);
    }
    const count = (places) => ours.filter((rule) => rule[places].length > 0).length;
    console.log(`${title}: ${rules.length} rules, ${rules.length - ours.length} of them not ours; ${ours.length} are: ${count('code')} cited in src/, ${count('tests')} at tests`);
    if (!ALL) continue;
    for (const { section, text, code, tests } of ours) console.log(`  ${section}: ${text}\n    ${code.join(' ')}\n    ${tests.join(' ')}`);
  }
  console.log(`${cited} citations are quotations of these; ${elsewhere} cite other documents`);
  for (const problem of problems) console.error(problem);
  console.log(`${passed} passed, ${problems.length} failed`);
  if (problems.length > 0) process.exitCode = 1;
});
