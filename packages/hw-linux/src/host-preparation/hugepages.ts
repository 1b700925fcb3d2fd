import type { Sysfs } from '../sysfs/sysfs.ts';

/** Hugepages of one size, on one NUMA node or (node −1) where the kernel counts none by node. */
export interface HugepagePool {
  readonly sizeKb: number;
  readonly numaNode: number;
  readonly total: number;
  readonly free: number;
}

const NODES = '/sys/devices/system/node';
const ALL = '/sys/kernel/mm/hugepages';
const SIZE = /^hugepages-(\d{1,9})kB$/;
/** More nodes than any machine has. */
const NODES_MAX = 1024;

/** Every pool of the host (Documentation/ABI/testing/sysfs-kernel-mm-hugepages), also the empty ones. */
export async function readHugepages(sysfs: Sysfs): Promise<readonly HugepagePool[]> {
  const names = await sysfs.list(NODES);
  const nodes = (names.ok ? names.value : []).flatMap((name) => /^node(\d{1,4})$/.exec(name)?.[1] ?? []).map(Number).slice(0, NODES_MAX).sort((a, b) => a - b);
  const pools: HugepagePool[] = [];
  for (const node of nodes) pools.push(...(await poolsIn(sysfs, `${NODES}/node${node}/hugepages`, node)));
  return pools.length > 0 ? pools : poolsIn(sysfs, ALL, -1);
}

async function poolsIn(sysfs: Sysfs, folder: string, numaNode: number): Promise<readonly HugepagePool[]> {
  const names = await sysfs.list(folder);
  const pools: HugepagePool[] = [];
  for (const name of names.ok ? names.value : []) {
    const size = SIZE.exec(name)?.[1];
    if (size === undefined) continue;
    const total = await readCount(sysfs, `${folder}/${name}/nr_hugepages`);
    const free = await readCount(sysfs, `${folder}/${name}/free_hugepages`);
    if (total !== undefined && free !== undefined) pools.push({ sizeKb: Number(size), numaNode, total, free });
  }
  return pools.sort((a, b) => a.sizeKb - b.sizeKb);
}

async function readCount(sysfs: Sysfs, path: string): Promise<number | undefined> {
  const text = await sysfs.read(path);
  return text.ok && /^\d{1,15}$/.test(text.value) ? Number(text.value) : undefined;
}
