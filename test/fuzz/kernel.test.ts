// Goal: nothing that a kernel says, or what is taken for one, makes the Linux backend throw, hang or lose its way. Method: some thousand
// mutated messages, events and files; `npm run fuzz -- netlink` plays as many as one likes.
import { expect, test } from 'vitest';
import { recordCorpus } from '../../tools/fuzz/kernel/corpus.ts';
import { fuzzKernel } from '../../tools/fuzz/kernel/run.ts';

test('mutated answers of a kernel are answers or errors', async () => {
  const report = await fuzzKernel(await recordCorpus(), { seed: 'test', cases: 10_000 });
  expect(report.failures).toEqual([]);
  // A run in which everything was refused at the door would show nothing.
  expect(report.outcomes).toMatchObject({
    'answered, a link read': expect.any(Number), 'answered, no link': expect.any(Number), 'refused, a link read': expect.any(Number), 'refused, no link': expect.any(Number), 'news told': expect.any(Number), discovered: expect.any(Number), 'not discovered: io': expect.any(Number),
  });
});
