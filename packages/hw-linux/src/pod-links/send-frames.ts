import { Worker } from 'node:worker_threads';
import type { FramesToSend } from './frames-worker.ts';

const EIO = 5;

/** Sends frames out of an interface in a network namespace; 0, or the errno. */
export function sendFrames(frames: FramesToSend): Promise<number> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./frames-worker.ts', import.meta.url), { workerData: frames });
    worker.once('message', (errno: number) => resolve(errno));
    worker.once('error', () => resolve(EIO));
    worker.once('exit', () => resolve(EIO));
  });
}
