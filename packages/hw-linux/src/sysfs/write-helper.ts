/**
 * The helper process: one write or read after the other, each answered with its errno or text. It ends when its owner does. What an owner asked for who
 * was killed meanwhile is not begun: his successor may be at work already, and want something else.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { LongCall, LongReply } from './long-writes.ts';

const O_WRONLY = 1;

const owner = Number(process.argv[2]);

process.on('message', ({ path, text }: LongCall) => {
  if (process.ppid !== owner) process.exit(0);
  const reply = work(path, text);
  // The owner may be gone by now.
  if (process.connected) process.send!(reply, undefined, undefined, () => {});
});
process.on('disconnect', () => process.exit(0));

function work(path: string, text: string | undefined): LongReply {
  try {
    if (text === undefined) return { text: readFileSync(path, 'utf8') };
    const fd = openSync(path, O_WRONLY);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    return {};
  } catch (error) {
    return { errno: error instanceof Error && 'code' in error ? String(error.code) : 'EIO' };
  }
}
