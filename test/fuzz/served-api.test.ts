// Goal: nothing that comes over the wire makes the served API server fail, hang, leak or answer what is no answer. Method: some
// thousand mutated requests over kept-alive TLS connections; `npm run fuzz` plays as many as one likes.
import { expect, test } from 'vitest';
import { fuzz } from '../../tools/fuzz/run.ts';

test('mutated requests are answered', async () => {
  const report = await fuzz({ seed: 'test', requests: 2_000, connections: 8 });
  expect(report.failures).toEqual([]);
  expect(report.watchersLeft).toBe(0);
  expect(report.requests).toBe(2_000);
  // A run that everything was refused in would show nothing.
  expect(report.answers).toMatchObject({ 200: expect.any(Number), 201: expect.any(Number), 400: expect.any(Number), 404: expect.any(Number), 422: expect.any(Number) });
});
