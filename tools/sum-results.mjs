/**
 * `node tools/sum-results.mjs FOLDER [RUNNER …]`: sums the JSON results that the test runners left in a folder. Tells what failed, and ends
 * with `N passed, N failed`. A runner that is named and left no results counts as a failure. A test that passed only when it was tried again counts
 * as passed and is told with what it said before: it is to be mended, and no reason to turn away a change that it has nothing to do with.
 */
import { existsSync, readFileSync, readdirSync } from 'fs';
import { basename, join } from 'path';
import { stripVTControlCharacters } from 'util';

/** Whoever keeps only the end of a log still has to see every failure. */
const MOST_LINES = 100;
const MOST_LINES_OF_UNSTEADY = 40;
const MOST_LINES_OF_A_FAILURE = 15;
const MOST_COLUMNS = 400;

const [folder, ...expected] = process.argv.slice(2);
const found = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) => basename(name, '.json')) : [];
const runners = [...new Set([...expected, ...found])].map(readRunner);
const total = (count) => runners.reduce((sum, runner) => sum + count(runner), 0);
const passed = total((runner) => runner.passed);
const failed = total((runner) => runner.failed);
const skipped = total((runner) => runner.skipped);

for (const line of tell('UNSTEADY', runners.flatMap(({ unsteady }) => unsteady), MOST_LINES_OF_UNSTEADY)) console.log(line);
for (const line of tell('FAILED', runners.flatMap(({ failures }) => failures), MOST_LINES)) console.log(line);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function readRunner(name) {
  const broken = (says) => ({ passed: 0, failed: 1, skipped: 0, unsteady: [], failures: [{ title: name, says: [says] }] });
  if (!found.includes(name)) return broken('left no results: it did not run, or ended before it could write them');
  try {
    return countsOf(name, JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
  } catch (error) {
    return broken(`left results that cannot be read: ${error.message}`);
  }
}

function countsOf(name, result) {
  const failures = result.testResults.flatMap((file) => failuresOf(name, file));
  // What a runner counts beyond the tests that it names, or the other way round, is a failure too.
  const unnamed = result.success === false && failures.length === 0 && result.numFailedTests === 0 ? [{ title: name, says: ['says that it failed, and names no test'] }] : [];
  return {
    passed: result.numPassedTests,
    failed: Math.max(result.numFailedTests, failures.length + unnamed.length),
    skipped: result.numPendingTests + result.numTodoTests,
    unsteady: result.testResults.flatMap((file) => unsteadyOf(name, file)),
    failures: [...failures, ...unnamed],
  };
}

function whereIs(runner, file) {
  return `${runner}: ${file.name.startsWith(process.cwd()) ? file.name.slice(process.cwd().length + 1) : file.name}`;
}

/** Vitest leaves what a test said in the tries before the one that passed. */
function unsteadyOf(runner, file) {
  const tests = (file.assertionResults ?? []).filter(({ status, failureMessages }) => status === 'passed' && failureMessages?.length > 0);
  return tests.map((test) => ({ title: `${whereIs(runner, file)}: ${test.fullName ?? test.title}`, says: test.failureMessages }));
}

function failuresOf(runner, file) {
  const where = whereIs(runner, file);
  const tests = file.assertionResults.filter(({ status }) => status === 'failed');
  // A file that did not load has no tests to fail, and is a failure all the same.
  if (tests.length === 0) return file.status === 'failed' ? [{ title: `${where} (the file itself)`, says: [file.message ?? ''] }] : [];
  return tests.map((test) => ({ title: `${where}: ${test.fullName ?? test.title}`, says: test.failureMessages ?? [] }));
}

/** Every title, then as many lines of the messages as there is room for: the more fail, the less is told of each. */
function tell(word, failures, mostLines) {
  if (failures.length === 0) return [];
  const told = failures.slice(0, mostLines - 2);
  const each = Math.max(0, Math.min(MOST_LINES_OF_A_FAILURE, Math.floor((mostLines - 2) / told.length) - 1));
  const lines = told.flatMap(({ title, says }) => [`${word} ${oneLine(title)}`, ...messageLines(says).slice(0, each).map((line) => `  ${line}`)]);
  return ['', ...lines, ...(told.length < failures.length ? [`${word} and ${failures.length - told.length} more`] : [])];
}

function messageLines(says) {
  return says.flatMap((message) => stripVTControlCharacters(String(message)).split('\n').slice(0, MOST_LINES_OF_A_FAILURE)).filter((line) => line.trim() !== '').map((line) => line.slice(0, MOST_COLUMNS));
}

function oneLine(title) {
  return stripVTControlCharacters(title).replaceAll('\n', ' ').slice(0, MOST_COLUMNS);
}
