// Goal: the drains that a cluster must live through, with two operators of which one is killed. Method: the story that test/cluster tells to
// a real API server, here to ours and under simulated time.
import { afterAll, beforeAll, test } from 'vitest';
import { SeededRandom, silentLog } from '@vfleet/core';
import { createOperator } from '@vfleet/controllers';
import { DrainStory, drainStories } from './drain-story.ts';
import { world } from './harness.ts';
import { MortalKube } from './mortal-kube.ts';

const bugs: unknown[] = [];
let story: DrainStory;

beforeAll(async () => {
  const { clock, kube, server } = await world();
  const random = new SeededRandom(2);
  story = new DrainStory({
    kube,
    begin: async (identity) => {
      const own = new MortalKube(server.client({ fieldManager: identity }));
      const operator = createOperator({ kube: own, clock, random, log: silentLog }, { identity }, { onBug: (error) => bugs.push(error) });
      operator.start();
      return { operator, kill: () => own.die() };
    },
    until: async (says, holds) => {
      for (let tenths = 0; tenths < 6_000; tenths++) {
        if (await holds()) return;
        await clock.run(100);
      }
      throw new Error(`after ten minutes it is not so: ${says}`);
    },
    pause: (ms) => clock.run(ms),
  });
  await story.begin();
});
afterAll(() => {
  if (bugs.length > 0) throw new AggregateError(bugs, 'the operator made mistakes');
});

test.each(drainStories)('%s', (_, tell) => tell(story));
