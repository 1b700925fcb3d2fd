import { defineConfig } from 'vitest/config';

/** The part of `npm run test:cluster` that has Multus in front of the cluster's network: tools/test-cluster.ts runs it inside of namespaces of its own. */
export default defineConfig({
  test: {
    include: ['test/cluster/multus/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    // Each test goes on from where the one before has left the node.
    sequence: { concurrent: false },
    bail: 1,
    // For what hangs: conditions are waited for, and a machine may be slow.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    reporters: ['default'],
  },
});
