import { SeededRandom, SimClock, pciAddress, pciAddressPlus } from '@vfleet/core';
import type { HardwareStep, PciAddress, Result } from '@vfleet/core';
import { createLinuxHardware, createLinuxHost, viewPorts } from '@vfleet/hw-linux';
import type { KernelView, Sysfs, SysfsError } from '@vfleet/hw-linux';
import { createFleet, nodesOf, parseFleet } from '@vfleet/hw-sim';
import { LinuxView } from '@vfleet/hw-sim/linux-view/linux-view.ts';

/** What a kernel said when all was well: the material of mutations. */
export interface Corpus {
  /** Datagrams on request sockets, by protocol. */
  readonly answers: readonly Uint8Array[];
  /** Datagrams on sockets that listen. */
  readonly news: readonly { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array }[];
  /** Files by path, links by path, and what lists found. */
  readonly files: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, readonly string[]>;
  /** A VF of each card. */
  readonly vfs: readonly PciAddress[];
}

const PF = pciAddress('0000:01:00.0');
const NETNS = '/var/run/netns/pod';

/** Records all that two cards say while they are configured, one of them with an eswitch. */
export async function recordCorpus(): Promise<Corpus> {
  const [answers, news] = [[] as Uint8Array[], [] as { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array }[]];
  const [files, links, folders] = [new Map<string, string>(), new Map<string, string>(), new Map<string, readonly string[]>()];
  const cards = [['82576', pciAddressPlus(PF, 128)], ['ConnectX-6 Dx', pciAddressPlus(PF, 2)]] as const;
  for (const [personality, first] of cards) {
    const clock = new SimClock();
    const parsed = parseFleet({ nodes: [{ name: 'host', kernelArguments: ['intel_iommu=on', 'iommu=pt'], pfs: [{ personality, pciAddress: PF }] }] });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const node = createFleet({ clock, random: new SeededRandom('corpus'), delayFactor: 0 }).addNode([...nodesOf(parsed.value)][0]!);
    const linux = new LinuxView(node);
    const view: KernelView = {
      hasNetns: (netns) => linux.hasNetns(netns), openNetns: (netns) => linux.openNetns(netns), closeNetns: (fd) => linux.closeNetns(fd), volume: () => linux.volume(), readText: (path) => linux.readText(path),
      writeText: (path, text) => linux.writeText(path, text), listen: (listener) => linux.listen(listener), driverInfo: (netns, name) => linux.driverInfo(netns, name), ethtool: (netns, name, data) => linux.ethtool(netns, name, data),
      async exchange(netns, protocol, bytes) {
        const said = protocol === 'uevent' ? [] : await linux.exchange(netns, protocol, bytes);
        answers.push(...said.map(asFirst));
        return said;
      },
    };
    const ports = viewPorts(clock, view);
    const sysfs = recording(ports.sysfs, files, links, folders);
    const hardware = createLinuxHardware({ ...ports, sysfs });
    hardware.watch(() => {});
    linux.listen((one) => void (one.kind === 'overrun' ? undefined : news.push(one)));
    for (const step of story(first)) await hardware.apply(step);
    await hardware.lookAtVf(first);
    await hardware.discover();
    await createLinuxHost({ sysfs }).facts();
  }
  return { answers, news, files, links, folders, vfs: cards.map(([, first]) => first) };
}

function story(vf: typeof PF): readonly HardwareStep[] {
  return [
    { kind: 'setNumVfs', pf: PF, count: 2 }, { kind: 'setVf', pf: PF, vfIndex: 0, mac: '02:00:00:00:00:01', vlan: { id: 5, qos: 1, protocol: '802.1q' }, trust: true }, { kind: 'setLink', device: PF, netns: 'host', up: true },
    { kind: 'setDevlinkParam', pf: PF, name: 'flow_steering_mode', value: 'smfs' }, { kind: 'setFeature', device: PF, feature: 'hw-tc-offload', enabled: true }, { kind: 'setRdmaMode', mode: 'shared' },
    { kind: 'setAddresses', device: vf, netns: 'host', addresses: ['192.0.2.1/24', '2001:db8::1/64'], routes: [] }, { kind: 'setRdmaMode', mode: 'exclusive' }, ...[['host', NETNS], [NETNS, 'host']].map(([from, to]) => ({ kind: 'moveRdma', device: vf, rdmaDevice: 'rocep1s0f0v0', from: from!, to: to! } as const)), { kind: 'bindDriver', device: vf, driver: 'vfio-pci' }, { kind: 'setEswitchMode', pf: PF, mode: 'switchdev' },
    { kind: 'renameNetdev', device: PF, netns: 'host', name: 'a/b' }, { kind: 'setVf', pf: PF, vfIndex: 9, trust: true },
  ];
}

/** As the answer to the first question of a socket: its sequence number in every message. */
function asFirst(datagram: Uint8Array): Uint8Array {
  const bytes = datagram.slice();
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 16 <= bytes.length; at += Math.max(16, (view.getUint32(at, true) + 3) & ~3)) view.setUint32(at + 8, 1, true);
  return bytes;
}

function recording(sysfs: Sysfs, files: Map<string, string>, links: Map<string, string>, folders: Map<string, readonly string[]>): Sysfs {
  const keep = async <Value>(into: Map<string, Value>, path: string, answer: Promise<Result<Value, SysfsError>>) => {
    const result = await answer;
    if (result.ok) into.set(path, result.value);
    return result;
  };
  return {
    read: (path) => keep(files, path, sysfs.read(path)),
    readPatiently: (path) => keep(files, path, sysfs.readPatiently(path)),
    write: (path, text) => sysfs.write(path, text),
    list: (path) => keep(folders, path, sysfs.list(path)),
    readLink: (path) => keep(links, path, sysfs.readLink(path)),
    exists: (path) => sysfs.exists(path),
  };
}
