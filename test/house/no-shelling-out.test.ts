// Goal: NICs are read and configured through sysfs and netlink only; no other program is asked. Method: a look at the source of all
// packages: who may start processes at all is a list, with what they start, and in those files no literal names a tool of the network.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sourceFiles } from '../../tools/tidy/source.ts';
import type { SourceFile } from '../../tools/tidy/source.ts';

/** Every file that starts processes, and which. */
const STARTERS: Readonly<Record<string, string>> = {
  'packages/cli/src/verbs/sim/search.ts': 'this executable, once for each core',
  'packages/controllers/src/cni/edge/real-plugin-runner.ts': 'IPAM plugins of the node, as the CNI specification says',
  'packages/hw-linux/src/host-preparation/real-host-commands.ts': 'the boot loader’s, module and service tools of the host, by a closed type',
  'packages/hw-linux/src/sysfs/long-writes.ts': 'the helper that makes writes which may hang',
};
const NETWORK_TOOLS = ['ip', 'bridge', 'tc', 'rdma', 'vdpa', 'dcb', 'devlink', 'ethtool', 'ifconfig', 'lspci', 'setpci', 'lsmod', 'lshw', 'driverctl', 'dpdk-devbind.py', 'nmcli', 'mstconfig', 'mlxconfig', 'cat', 'echo', 'ls', 'sh', 'bash'];
/** A literal that is a tool's name or path, or a command line that begins with it. */
const NAMES_TOOL = new RegExp(`(['"\`])(?:/(?:[\\w.-]+/)*)?(?:${NETWORK_TOOLS.map((name) => name.replaceAll('.', '\\.')).join('|')})(?:\\1|\\s)`);

function offences(files: readonly Pick<SourceFile, 'path' | 'text' | 'code' | 'imports'>[]): readonly string[] {
  return files.flatMap(({ path, text, code, imports }) => {
    const starts = imports.some(({ specifier }) => /^(?:node:)?(?:child_process|cluster)$/.test(specifier)) || /\bprocess\.(?:binding|dlopen)\b|\bexecve\b/.test(code);
    if (!starts) return [];
    if (!Object.hasOwn(STARTERS, path)) return [`${path} starts processes`];
    return text.split('\n').flatMap((line, index) => (NAMES_TOOL.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []));
  });
}

const packages = sourceFiles(join(import.meta.dirname, '../..'), ['packages']).filter(({ path }) => !/\/(?:test|bench)\//.test(path));

test('no package asks ip, devlink, ethtool, lspci, lsmod or their kind', () => {
  expect(packages.length).toBeGreaterThan(300);
  expect(offences(packages)).toEqual([]);
  const starters = packages.filter(({ imports }) => imports.some(({ specifier }) => specifier === 'node:child_process')).map(({ path }) => path);
  expect(Object.keys(STARTERS)).toEqual(starters);
});

test.each([
  ["import { execFileSync } from 'node:child_process';", 'packages/hw-linux/src/links.ts', 1],
  ["import { spawn } from 'child_process';\nspawn('/sbin/ip', ['link']);", 'packages/hw-linux/src/sysfs/long-writes.ts', 1],
  ['import { exec } from "node:child_process";\nexec(`devlink dev show ${name}`);', 'packages/hw-linux/src/sysfs/long-writes.ts', 1],
  ["import { fork } from 'node:child_process';\nfork('./ip-addresses.ts', ['lists', 'recipe']);", 'packages/hw-linux/src/sysfs/long-writes.ts', 0],
  ["const family = 'devlink';", 'packages/hw-linux/src/links.ts', 0],
])('%j in %s: %i', (text, path, count) => {
  const imports = [...text.matchAll(/from ['"](.*)['"]/g)].map((match) => ({ specifier: match[1]!, typeOnly: false, line: 1 }));
  expect(offences([{ path, text, code: text, imports }])).toHaveLength(count);
});
