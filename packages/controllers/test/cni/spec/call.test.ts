// Goal: whatever a runtime, or a hand, runs the plugin with is understood or refused with the code that the specification has for it.
// Method: a table of calls; any variables and any input.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCall, parseCniArgs } from '../../../src/cni/spec/call.ts';

const config = (more: object = {}) => JSON.stringify({ cniVersion: '1.1.0', name: 'net', type: 'sriov', ...more });
const add = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/a', CNI_IFNAME: 'net1' };
const without = (name: string, from: Readonly<Record<string, string>> = add) => Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));

describe('understood', () => {
  test('ADD with arguments', () => {
    expect(parseCall({ environment: { ...add, CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web;MAC=', CNI_PATH: '/opt/cni/bin' }, input: config() })).toEqual({
      ok: true,
      value: { command: 'ADD', version: '1.1.0', name: 'net', config: { cniVersion: '1.1.0', name: 'net', type: 'sriov' }, containerId: 'c1', ifname: 'net1', netns: '/run/netns/a', cniArgs: { IgnoreUnknown: '1', K8S_POD_NAME: 'web', MAC: '' } },
    });
  });

  test('DEL of a sandbox whose namespace is gone: not set, or empty', () => {
    for (const environment of [without('CNI_NETNS', { ...add, CNI_COMMAND: 'DEL' }), { ...add, CNI_COMMAND: 'DEL', CNI_NETNS: '' }]) expect(parseCall({ environment, input: config() })).toMatchObject({ ok: true, value: { command: 'DEL', netns: undefined } });
  });

  test('a configuration without version is of the first', () => {
    expect(parseCall({ environment: add, input: '{"name":"net","type":"sriov"}' })).toMatchObject({ ok: true, value: { version: '0.1.0' } });
  });

  test('VERSION with no input, with its version, and with one of the future', () => {
    expect(['', '{"cniVersion":"0.4.0"}', '{"cniVersion":"9.0.0"}'].map((input) => parseCall({ environment: { CNI_COMMAND: 'VERSION' }, input }))).toEqual(['1.1.0', '0.4.0', '1.1.0'].map((version) => ({ ok: true, value: { command: 'VERSION', version } })));
  });
});

describe('refused', () => {
  test.each([
    ['no command', {}, config(), 4, 'CNI_COMMAND is not set'],
    ['an unknown command', { ...add, CNI_COMMAND: 'UPDATE' }, config(), 4, '"UPDATE"'],
    ['a command in lower case', { ...add, CNI_COMMAND: 'add' }, config(), 4, '"add"'],
    ['no container id', without('CNI_CONTAINERID'), config(), 4, 'CNI_CONTAINERID is not set'],
    ['no namespace', without('CNI_NETNS'), config(), 4, 'CNI_NETNS is not set'],
    ['nothing but the command', { CNI_COMMAND: 'CHECK' }, config(), 4, 'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME are not set'],
    ['a container id that is a path', { ...add, CNI_CONTAINERID: '../../etc' }, config(), 4, 'no container id'],
    ['an interface name that is too long', { ...add, CNI_IFNAME: 'abcdefghijklmnop' }, config(), 4, 'no interface name'],
    ['an interface name with a slash', { ...add, CNI_IFNAME: 'a/b' }, config(), 4, 'no interface name'],
    ['arguments that are no pairs', { ...add, CNI_ARGS: 'IgnoreUnknown=1;MAC' }, config(), 4, '"MAC"'],
    ['no input', add, '', 6, 'it is empty'],
    ['blank input', add, ' \n', 6, 'it is empty'],
    ['garbage', add, '\u0000\u0001', 6, 'line 1, column 1'],
    ['JSON that is cut off', add, '{"cniVersion":"1.0.0"', 6, 'line 1'],
    ['a list', add, '[]', 6, 'no JSON object'],
    ['a version that is a number', add, '{"cniVersion":1,"name":"n"}', 6, 'no string'],
    ['a version of the future', add, config({ cniVersion: '2.0.0' }), 1, '2.0.0 is not supported'],
    ['CHECK before there was one', { ...add, CNI_COMMAND: 'CHECK' }, config({ cniVersion: '0.3.1' }), 1, '0.3.1 has no CHECK'],
    ['STATUS before there was one', { CNI_COMMAND: 'STATUS' }, config({ cniVersion: '1.0.0' }), 1, '1.0.0 has no STATUS'],
    ['GC before there was one', { CNI_COMMAND: 'GC' }, config({ cniVersion: '1.0.0' }), 1, '1.0.0 has no GC'],
    ['no name', add, '{"cniVersion":"1.0.0","type":"sriov"}', 7, 'no "name"'],
    ['a name that is a path', add, config({ name: '../x' }), 7, '"../x" is not allowed'],
  ])('%s', (_name, environment, input, code, says) => {
    const refused = parseCall({ environment, input });
    expect(refused).toMatchObject({ ok: false, error: { code, cause: expect.stringContaining(says) as string } });
    expect(refused.ok || refused.error.remedy.length).toBeTruthy();
  });

  test('variables called like parts of every object are not taken for set', () => {
    expect(parseCall({ environment: JSON.parse('{"__proto__":{"CNI_COMMAND":"VERSION"}}') as Record<string, string>, input: '' })).toMatchObject({ ok: false, error: { code: 4 } });
  });
});

test('any call is understood or refused, never anything else', () => {
  const variable = fc.constantFrom('CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS', '__proto__');
  const value = fc.oneof(fc.constantFrom('ADD', 'DEL', 'GC', 'STATUS', 'VERSION', 'c1', 'a=b;c'), fc.string());
  fc.assert(fc.property(fc.dictionary(variable, value), fc.oneof(fc.string(), fc.json(), fc.record({ cniVersion: fc.string(), name: fc.string() }).map((one) => JSON.stringify(one))), (environment, input) => {
    const parsed = parseCall({ environment, input });
    expect(parsed.ok || [1, 4, 6, 7].includes(parsed.error.code)).toBe(true);
  }));
});

test('a value of an argument may hold anything but a semicolon', () => {
  expect(parseCniArgs('A=b=c;D=;')).toEqual({ ok: true, value: { A: 'b=c', D: '' } });
});
