/**
 * The last resort of real-cluster.ts: a process of its own that outlives a parent killed with SIGKILL, of which no
 * handler in the parent can know. It gets a folder as its argument and, on stdin, a line `+<pid>` for each server that
 * started and `-<pid>` for each that ended. When stdin closes, because the parent is done or gone, it kills what is left
 * and removes the folder.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , directory] = process.argv;
const pids = new Set<number>();

// A signal meant for the parent's whole group must not end the one that cleans up after it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const pid = Number(line.slice(1));
    if (line.startsWith("+")) pids.add(pid);
    else pids.delete(pid);
  })
  .once("close", () => {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    process.exit();
  });
