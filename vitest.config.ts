import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'packages/*/src/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts', 'examples/embed-*/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/kernel/**', 'test/cluster/**', 'test/packages/**'],
    setupFiles: ['test/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Limits end what hangs. They say nothing about speed, which is whatever a machine that does other things at the same time leaves.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default'],
  },
});
