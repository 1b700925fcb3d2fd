import { defineConfig } from 'vitest/config';

/** `npm run test:cluster -- --part least-rights`: run by hand, as it replaces the daemon two dozen times. tools/test-cluster.ts runs it inside of namespaces of its own. */
export default defineConfig({
  test: {
    include: ['test/cluster/least-rights/**/*.test.ts'],
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
