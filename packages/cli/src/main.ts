#!/usr/bin/env node
/** The `vfleet` executable: the composition root. Nothing below the verbs reads the environment or writes to the terminal by itself. */
import { enableCompileCache } from 'node:module';

// Compiled code is kept from run to run: without, three hundred source files cost a third of a second at each start.
enableCompileCache();
// Of libuv's pool, made when it is first used, three threads may wait in the kernel for long: for its news of NICs, and for the two locks that netlink
// may find held. The four that everybody reckons with are beside them.
process.env['UV_THREADPOOL_SIZE'] ??= '7';
const { run } = await import('./program.ts');

/** 128 + SIGPIPE: what a shell reports of a program whose reader went away, for example `vfleet get | head -1`. */
const READER_GONE = 141;
for (const stream of [process.stdout, process.stderr]) stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? READER_GONE : 1));

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  terminal: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined,
  },
});
