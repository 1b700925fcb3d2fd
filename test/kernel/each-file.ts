/**
 * Every file of tests as a suite: what a file does before and after its tests is done around them. By themselves all files of a process share
 * one root, and what they do before would all be done before the first test, and what they do after behind the last.
 */
import { basename } from 'node:path';
import { suite } from 'node:test';

/** Where the files are named, one a line. */
const FILES = process.env['VFLEET_TEST_FILES'] ?? '';

for (const file of FILES.split('\n').filter((line) => line !== '')) {
  suite(basename(file), async () => {
    await import(file);
  });
}
