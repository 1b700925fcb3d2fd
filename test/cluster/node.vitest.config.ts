import { defineConfig } from 'vitest/config';

/** Of the parts of `npm run test:cluster` that have a node of their own. tools/test-cluster.ts says by `--dir` which one, and runs it inside of its namespaces. */
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    // Each test goes on from where the one before has left the node.
    sequence: { concurrent: false },
    // For what hangs: conditions are waited for, and a machine may be slow.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    reporters: ['default'],
  },
});
