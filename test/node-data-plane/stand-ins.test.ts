// Goal: `vfleet node` with stand-ins on the kernel that this runs on. Method: stand-in-pods.ts, in network and mount namespaces of its own, so
// that this machine's interfaces are left alone. Where nobody may make namespaces, or tools are missing, it says so.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Its own limit: the one of a test cannot end what holds its thread. */
const LIMIT_MS = 1_200_000;
const PREPARE = 'ip link set lo up && mount -t tmpfs tmpfs /run && mkdir -p /run/netns';
/** What it needs, each tried where it would be needed. */
const NEEDS = `${PREPARE} && busybox ping -c 1 127.0.0.1 && ip netns add probe && ip link add end1 type veth peer name end2 && ip link add bridge1 type bridge && ip link set end1 master bridge1`;
const inNamespaces = (script: string, ...words: readonly string[]) => spawnSync('unshare', ['-n', '-m', 'sh', '-ec', script, 'sh', ...words], { encoding: 'utf8', timeout: LIMIT_MS, killSignal: 'SIGKILL' });

const probe = inNamespaces(NEEDS);
const can = process.platform === 'linux' && probe.status === 0;
if (!can) process.stderr.write(`No network namespaces, veth pairs and bridges can be made here, or ip or busybox is missing: stand-ins are not tested. ${probe.stderr ?? ''}\n`);

describe.runIf(can)('stand-ins', () => {
  test('pods with stand-ins pass traffic', { timeout: 2 * LIMIT_MS }, () => {
    const done = inNamespaces(`${PREPARE}; exec "$1" --disable-warning=ExperimentalWarning --test --test-force-exit "$2"`, process.execPath, join(import.meta.dirname, 'stand-in-pods.ts'));
    expect(done.status, done.stdout + done.stderr).toBe(0);
  });
});
