#!/usr/bin/env node
/** The `vfleet` executable: the composition root. Nothing below the verbs reads the environment or writes to the terminal by itself. */
import { enableCompileCache } from 'node:module';

// Compiled code is kept from run to run: without, three hundred source files cost a third of a second at each start.
enableCompileCache();
const { run } = await import('./program.ts');

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  terminal: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined,
  },
});
