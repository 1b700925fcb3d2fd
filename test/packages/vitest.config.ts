import { defineConfig } from 'vitest/config';

/** The packages as they are published, in projects outside of the checkout: `npm run test:packages`. */
export default defineConfig({
  test: {
    include: ['test/packages/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: ['default'],
  },
});
