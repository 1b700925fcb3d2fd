import { defineConfig } from 'vitest/config';
import { nodeParts } from '../../tools/cluster-parts.ts';

/** The tier that needs a real API server: `node tools/test-cluster.ts`, or `npm run test:cluster`. */
export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    // They have a node of their own, and another configuration.
    exclude: Object.values(nodeParts).map(({ folder }) => `test/cluster/${folder}/**`),
    pool: 'forks',
    // One file after the other: each starts a real API server of its own.
    maxWorkers: 1,
    fileParallelism: false,
    maxConcurrency: 4,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default'],
  },
});
