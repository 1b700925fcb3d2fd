// Goal: the rig is what the suite believes it is. Method: read the files that say so.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

test('two igb PFs with SR-IOV, an IOMMU, and the kernel of the series', () => {
  const pfs = readdirSync('/sys/bus/pci/drivers/igb').filter((name) => /^[0-9a-f]{4}:/.test(name));
  assert.equal(pfs.length, 2);
  for (const pf of pfs) assert.equal(readFileSync(`/sys/bus/pci/devices/${pf}/sriov_totalvfs`, 'utf8'), '7\n');
  assert.ok(readdirSync('/sys/kernel/iommu_groups').length > 0);
  assert.match(readFileSync('/proc/sys/kernel/osrelease', 'utf8'), /^6\.1\./);
});
