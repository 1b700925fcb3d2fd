import type { ContainerAllocation } from '@vfleet/core';
import { goJson } from '../json/go-json.ts';
import type { ResourceConfig } from './config.ts';
import type { PoolMember } from './pools.ts';

type DeviceSpec = ContainerAllocation['devices'][number];
type Info = Record<string, string>;

export interface Handout {
  /** By provider: `generic`, `vfio`, `rdma` …, the keys of the `_INFO` variable. */
  readonly info: Readonly<Record<string, Info>>;
  readonly specs: readonly DeviceSpec[];
}

const VFIO_CONTROL = '/dev/vfio/vfio';
const VHOST_NET = '/dev/vhost-net';
const TUN = '/dev/net/tun';

/**
 * What one container gets for functions of one resource: the variables `PCIDEVICE_<PREFIX>_<NAME>` (ids in the order asked for)
 * and `…_INFO`, and device files without repetition. To the letter what the SR-IOV network device plugin answers.
 */
export function allocateContainer(resource: ResourceConfig, members: readonly PoolMember[]): ContainerAllocation {
  const variable = environmentName(resource);
  const handouts = members.map((member) => [member.function.id, handoutOf(resource, member)] as const);
  const specs = new Map<string, DeviceSpec>();
  for (const [, { specs: own }] of handouts) for (const spec of own) if (!specs.has(spec.hostPath)) specs.set(spec.hostPath, spec);
  return {
    env: {
      [variable]: handouts.map(([id]) => id).join(','),
      [`${variable}_INFO`]: goJson(Object.fromEntries(handouts.map(([id, { info }]) => [id, info]))),
    },
    mounts: [],
    devices: [...specs.values()],
    annotations: {},
  };
}

/** `PCIDEVICE_INTEL_COM_SRIOV-NET`: upper case, dots as underscores, hyphens stay. */
export function environmentName(resource: Pick<ResourceConfig, 'prefix' | 'resourceName'>): string {
  return `PCIDEVICE_${resource.prefix}_${resource.resourceName}`.replaceAll('.', '_').toUpperCase();
}

/** What one device brings with it, before what it shares with others is left out. */
export function handoutOf(resource: ResourceConfig, member: PoolMember): Handout {
  const parts = [generic(member), driver(member), extra(resource, member), vdpa(member), rdma(member), vhostNet(member)];
  return { info: Object.assign({}, ...parts.map(({ info }) => info)) as Handout['info'], specs: parts.flatMap(({ specs }) => specs) };
}

const nothing: Handout = { info: {}, specs: [] };

function generic({ function: { id } }: PoolMember): Handout {
  return { info: { generic: { deviceID: id } }, specs: [] };
}

function driver({ function: { driver: name, iommuGroup, deviceFiles } }: PoolMember): Handout {
  if (name === 'vfio-pci') {
    const plain = iommuGroup === undefined ? undefined : `/dev/vfio/${iommuGroup}`;
    const group = deviceFiles?.vfioGroup ?? (plain === undefined ? undefined : { host: plain, container: plain });
    return {
      info: { vfio: { mount: VFIO_CONTROL, ...(group === undefined ? {} : { 'dev-mount': group.container }) } },
      specs: [readWrite(VFIO_CONTROL), ...(group === undefined ? [] : [readWrite(group.host, group.container)])],
    };
  }
  if (name === 'igb_uio' || name === 'uio_pci_generic') {
    const uio = deviceFiles?.uio;
    return { info: { uio: uio === undefined ? {} : { mount: uio } }, specs: uio === undefined ? [] : [readWrite(uio)] };
  }
  return nothing;
}

function extra({ additionalInfo }: ResourceConfig, { function: { id, deviceType, pf } }: PoolMember): Handout {
  if (additionalInfo === undefined) return nothing;
  const of = (key: string) => (Object.hasOwn(additionalInfo, key) ? additionalInfo[key] : undefined);
  // Entries have PCI addresses, and a subfunction's is that of its PF.
  return { info: { extra: { ...of('*'), ...(deviceType === 'auxNetDevice' ? of(pf) : {}), ...of(id) } }, specs: [] };
}

function vdpa({ function: { deviceFiles }, selector: { vdpaType } }: PoolMember): Handout {
  if (vdpaType === undefined) return nothing;
  const path = vdpaType === 'vhost' ? deviceFiles?.vhostVdpa : undefined;
  return { info: { vdpa: path === undefined ? {} : { mount: path } }, specs: path === undefined ? [] : [readWrite(path)] };
}

function rdma({ function: { deviceFiles, rdmaDevices }, selector: { isRdma } }: PoolMember): Handout {
  if (!isRdma) return nothing;
  const files = deviceFiles?.rdma ?? [];
  const info: Info = {};
  for (const path of files) {
    const kind = ['uverbs', 'umad', 'issm', 'rdma_cm'].find((name) => path.includes(name));
    if (kind !== undefined) info[kind] = path;
  }
  if (rdmaDevices[0] !== undefined) info['rdma_dev'] = rdmaDevices[0];
  return { info: { rdma: info }, specs: files.map((path) => readWrite(path)) };
}

function vhostNet({ selector: { needVhostNet } }: PoolMember): Handout {
  if (!needVhostNet) return nothing;
  return { info: { vhost: { 'net-mount': VHOST_NET, 'tun-mount': TUN } }, specs: [readWrite(VHOST_NET), readWrite(TUN)] };
}

function readWrite(hostPath: string, containerPath = hostPath): DeviceSpec {
  return { hostPath, containerPath, permissions: 'rw' };
}
