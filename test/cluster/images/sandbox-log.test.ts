// Goal: what containerd did is read as it was. Method: lines as containerd 2.1 writes them.
import { expect, test } from 'vitest';
import { sandboxCalls } from './sandbox-log.ts';

const pod = (name: string, uid: string) => `RunPodSandbox for &PodSandboxMetadata{Name:${name},Uid:${uid},Namespace:default,Attempt:0,}`;
const line = (time: string, level: string, message: string, more = '') => `time="2026-01-02T03:04:${time}Z" level=${level} msg="${message}"${more}`;
const at = (time: string) => Date.parse(`2026-01-02T03:04:${time}Z`);

test('calls have a begin, an end, and what they failed by', () => {
  const log = [
    line('01.5', 'info', pod('a', 'u-1')), line('01.6', 'info', pod('b', 'u-2')),
    line('02.25', 'error', `${pod('a', 'u-1')} failed, error`, ' error="plugin type=\\"vfleet\\" failed (add): no"'),
    line('02.5', 'info', `${pod('b', 'u-2')} returns sandbox id \\"beef\\"`),
    line('03', 'info', 'StopPodSandbox for \\"beef\\"'), line('03.5', 'error', 'StopPodSandbox for \\"beef\\" failed', ' error="rpc error"'),
    line('04', 'info', 'StopPodSandbox for \\"beef\\"'), line('04.5', 'info', 'TearDown network for sandbox \\"beef\\" successfully'), line('05', 'info', 'StopPodSandbox for \\"beef\\" returns successfully'),
    line('06', 'info', pod('a', 'u-1')), 'not a line of this kind',
  ].join('\n');
  expect(sandboxCalls(log)).toEqual([
    { what: 'ADD', pod: 'a', fromMs: at('01.5'), toMs: at('02.25'), failure: 'plugin type="vfleet" failed (add): no' },
    { what: 'ADD', pod: 'b', fromMs: at('01.6'), toMs: at('02.5') },
    { what: 'DEL', pod: 'b', fromMs: at('03'), toMs: at('03.5'), failure: 'rpc error' },
    { what: 'DEL', pod: 'b', fromMs: at('04'), toMs: at('05') },
  ]);
  // A log that is read from somewhere in its middle: what began before is not told.
  expect(sandboxCalls(log.split('\n').slice(1).join('\n')).map(({ pod: name }) => name)).toEqual(['b', 'b', 'b']);
  expect(sandboxCalls('')).toEqual([]);
});
