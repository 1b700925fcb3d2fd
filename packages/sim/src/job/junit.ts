import type { Collection, CollectedIndex } from './collect.ts';
import type { FailingSeed } from './shard-report.ts';

/** A JUnit report: a test case for each part of the search. A violation is a failure; a part without its whole report is an error. */
export function collectionJunit(collection: Collection): string {
  const { job, search, indexes, failures, failureCount, wallMs } = collection;
  const errors = indexes.filter(({ outcome }) => outcome !== 'searched').length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${escape(`vfleet sim search, Job ${job}`)}" tests="${indexes.length}" failures="${failureCount}" errors="${errors}" time="${(wallMs / 1000).toFixed(3)}">`,
    ...indexes.map((index) => testCase(search.scenario, index, failures.filter(({ seed }) => isIn(index, seed)))),
    '</testsuite>',
    '',
  ].join('\n');
}

function testCase(scenario: string, { index, range, outcome, says, failures: count }: CollectedIndex, failures: readonly FailingSeed[]): string {
  const head = `  <testcase classname="vfleet.sim.${escape(scenario)}" name="index ${index}, seeds ${range.from} to ${range.from + range.seeds - 1}"`;
  const unnamed = count - failures.length;
  const inner = [
    ...failures.map((failure) => `    <failure message="${escape(`${failure.scenario}, seed ${failure.seed}: ${failure.oracle}`)}">${escape(failure.says ?? '')}</failure>`),
    ...(unnamed > 0 ? [`    <failure message="${unnamed} further failing seeds"></failure>`] : []),
    ...(outcome === 'searched' ? [] : [`    <error message="${escape(outcome)}">${escape(says ?? '')}</error>`]),
  ];
  return inner.length === 0 ? `${head}/>` : [`${head}>`, ...inner, '  </testcase>'].join('\n');
}

function isIn({ range }: CollectedIndex, seed: string): boolean {
  const number = Number(seed);
  return number >= range.from && number < range.from + range.seeds;
}

function escape(text: string): string {
  // eslint-disable-next-line no-control-regex -- XML 1.0 has no place for control characters
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
