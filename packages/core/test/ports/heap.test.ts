// Goal: the heap gives elements back in order, whatever comes in between. Method: random pushes and pops against a sorted array.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/heap.ts';

test('pops the least of what is inside, at any time', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { freq: 2 })), (moves) => {
      const heap = new Heap<number>((a, b) => a < b);
      const model: number[] = [];
      for (const move of moves) {
        if (move === null) expect(heap.pop()).toBe(model.shift());
        else {
          heap.push(move);
          model.push(move);
          model.sort((a, b) => a - b);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.peek()).toBe(model[0]);
      }
    }),
  );
});

test('an empty heap answers undefined', () => {
  const heap = new Heap<number>((a, b) => a < b);
  expect([heap.peek(), heap.pop(), heap.size]).toEqual([undefined, undefined, 0]);
});
