/** What a shell says of a command that SIGINT ended. */
export const INTERRUPTED = 130;

/** The first Ctrl-C (or SIGTERM) ends in order, the second at once. */
export function onInterrupt(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // An idle process without timers would end by itself: the servers keep it alive.
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
