// Goal: a real host is made ready: modules are loaded, the boot loader's entries are changed, and what the host lacks is told. Method: the
// machine's own root file system, of which every change is gone with the machine.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { NodeFiles, RealClock, SystemRandom } from '@vfleet/core/real.ts';
import { realHost } from '@vfleet/hw-linux';

const { host, preparation } = realHost(new NodeFiles(new RealClock(), new SystemRandom()));
const ENTRIES = '/boot/loader/entries';

test('modules that are not there are loaded, once', async () => {
  assert.ok(!existsSync('/sys/module/dummy'));
  for (let round = 0; round < 2; round++) {
    const loaded = await preparation.loadModules(['dummy', 'psample']);
    assert.ok(loaded.ok, loaded.ok ? '' : loaded.error.cause);
    assert.ok(existsSync('/sys/module/dummy'));
  }
  const unknown = await preparation.loadModules(['no_such_module']);
  assert.ok(!unknown.ok);
  assert.equal(unknown.error.code, 'io');
  assert.match(unknown.error.cause, /no_such_module/);
});

test('arguments of the boot loader’s entries are changed, and wait for the next boot', async () => {
  const facts = await host.facts();
  assert.ok(facts.ok);
  assert.ok(facts.value.iommuEnabled);
  mkdirSync(ENTRIES, { recursive: true });
  writeFileSync(`${ENTRIES}/test.conf`, 'title Test\noptions root=/dev/vda quiet\n');
  const set = await host.ensureKernelArguments(['intel_iommu=on', 'iommu=pt', 'hugepagesz=1G']);
  assert.ok(set.ok, set.ok ? '' : `${set.error.cause}; ${set.error.remedy}`);
  // The two that are in force already are not asked for again.
  assert.equal(readFileSync(`${ENTRIES}/test.conf`, 'utf8'), 'title Test\noptions root=/dev/vda quiet hugepagesz=1G\n');
  const after = await host.facts();
  assert.ok(after.ok && after.value.pendingKernelArguments.includes('hugepagesz=1G') && !after.value.kernelArguments.includes('hugepagesz=1G'));
});

test('what the host has and lacks is told', async () => {
  const facts = await host.facts();
  assert.ok(facts.ok);
  const { findings } = await preparation.check(facts.value, { pfs: [], rdmaMode: 'shared' });
  assert.deepEqual(findings.map(({ subject, state }) => `${subject} ${state}`), ['iommu good', 'firmware problem', 'hugepages note']);
});
