// Goal: the reference has every reason of a condition or an Event that the controllers use, and none that they do not. Method: their sources
// read for the forms in which reasons stand there, both ways.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { conditions, events } from './reasons.ts';

const SOURCES = join(import.meta.dirname, '../../packages/controllers/src');
const FORMS = [
  /\breason: '([A-Z]\w+)'/g, /\breason = [^;]*?'([A-Z]\w+)'/g, /: '([A-Z]\w+)';$/gm, /\bsay\('(?:Normal|Warning)', '([A-Z]\w+)'/g, /\b(?:tell)\(\w+, '([A-Z]\w+)'/g, /\brecord\('?[\w ?:'.]+, [^,]*, '([A-Z]\w+)'/g,
  /\bnot\('([A-Z]\w+)'/g, /\bsays\('\w+', '([A-Z]\w+)'/g, /\bsayBlocked\(\w+, '([A-Z]\w+)'/g,
];

/** What the forms find beside reasons: states of node states and of drains. */
const STATES = new Set(['Succeeded', 'Idle']);

const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !/^(?:admission|ipam|installation|uninstall|upgrade|json)\//.test(name)).map((name) => readFileSync(join(SOURCES, name), 'utf8'));
const documented = new Set([...conditions, ...events].flatMap(({ reasons }) => Object.keys(reasons)));

test('every reason of the sources is explained', () => {
  const used = new Set(sources.flatMap((text) => FORMS.flatMap((form) => [...text.matchAll(form)].map((match) => match[1]!))));
  expect(used.size).toBeGreaterThan(30);
  expect([...used].filter((reason) => !documented.has(reason) && !STATES.has(reason))).toEqual([]);
});

test('every reason that is explained is one of the sources', () => {
  const all = sources.join('\n');
  expect([...documented].filter((reason) => !all.includes(`'${reason}'`))).toEqual([]);
});
