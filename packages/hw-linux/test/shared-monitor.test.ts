// Goal: many listeners cost one thread, and each hears what it would hear alone. Method: a monitor that counts who listens, driven by hand.
import { expect, test } from 'vitest';
import { SharedMonitor } from '../src/kernel-thread/shared-monitor.ts';
import type { MonitorNews } from '../src/kernel-thread/monitor.ts';

function counted() {
  const listeners = new Set<(news: MonitorNews) => void>();
  let fails = false;
  return {
    listeners, tell: (news: MonitorNews) => [...listeners].forEach((listener) => listener(news)), failFromNowOn: (does: boolean) => void (fails = does),
    monitor: {
      listen(listener: (news: MonitorNews) => void) {
        if (fails) {
          listener({ kind: 'failed', errno: 1 });
          return { stop() {} };
        }
        listeners.add(listener);
        return { stop: () => void listeners.delete(listener) };
      },
    },
  };
}

test('one underneath, however many there are, and none when nobody listens', () => {
  const { monitor, listeners, tell } = counted();
  const shared = new SharedMonitor(monitor);
  const heard: string[] = [];
  const first = shared.listen(({ kind }) => heard.push(`a ${kind}`));
  const second = shared.listen(({ kind }) => heard.push(`b ${kind}`));
  expect(listeners.size).toBe(1);
  tell({ kind: 'overrun' });
  first.stop();
  first.stop();
  tell({ kind: 'overrun' });
  expect(heard).toEqual(['a overrun', 'b overrun', 'b overrun']);
  second.stop();
  expect(listeners.size).toBe(0);
  shared.listen(({ kind }) => heard.push(`c ${kind}`));
  tell({ kind: 'overrun' });
  expect(heard.at(-1)).toBe('c overrun');
});

test('a listener that stops while news are told does not take the others\' news away', () => {
  const { monitor, tell } = counted();
  const shared = new SharedMonitor(monitor);
  const heard: string[] = [];
  const first = shared.listen(() => first.stop());
  shared.listen(({ kind }) => heard.push(kind));
  tell({ kind: 'overrun' });
  tell({ kind: 'overrun' });
  expect(heard).toEqual(['overrun', 'overrun']);
});

test('one that cannot be had is told of to everybody, and tried again with the next listener', () => {
  const { monitor, listeners, failFromNowOn } = counted();
  const shared = new SharedMonitor(monitor);
  const heard: string[] = [];
  failFromNowOn(true);
  shared.listen(({ kind }) => heard.push(`a ${kind}`));
  shared.listen(({ kind }) => heard.push(`b ${kind}`));
  expect(heard).toEqual(['a failed', 'a failed', 'b failed']);
  failFromNowOn(false);
  shared.listen(({ kind }) => heard.push(`c ${kind}`));
  expect(listeners.size).toBe(1);
});
