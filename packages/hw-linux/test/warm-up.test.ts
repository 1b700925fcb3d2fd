// Goal: making ready touches nothing of the machine and leaves nothing that runs. Method: a clock that is only asked; the steps themselves
// fail the test when the kernel that is not there would refuse one.
import { expect, test } from 'vitest';
import { SimClock } from '@vfleet/core';
import { warmUp } from '../src/warm-up.ts';

test('it ends by itself, without a timer', async () => {
  const clock = new SimClock();
  await warmUp(clock);
  expect([clock.pending, clock.now()]).toEqual([0, new SimClock().now()]);
});
