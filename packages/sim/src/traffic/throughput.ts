import { solveClosedNetwork } from './closed-network.ts';
import type { NetworkLoad, Station, StationLoad } from './closed-network.ts';
import { throughputParameters } from './parameters.ts';
import type { Datapath } from './parameters.ts';

/** What travels as one: the largest block that Linux hands to a NIC in one piece (include/linux/netdevice.h, GSO_MAX_SIZE). */
const BLOCK_BYTES = 65_536;
/** IPv4, TCP and its timestamps (RFC 791, 9293, 7323). */
const HEADER_BYTES = 20 + 20 + 12;
/** Ethernet header, frame check sequence, preamble and the gap between frames (IEEE 802.3). */
const FRAMING_BYTES = 14 + 4 + 8 + 12;

export interface ThroughputSetting {
  readonly datapath: Datapath;
  /** Bytes of each write(). */
  readonly ioBytes: number;
  readonly streams: number;
  readonly senderProcessors: number;
  readonly receiverProcessors: number;
  readonly linkGbps: number;
  readonly mtu: number;
  readonly windowBytes: number;
}

/** What the model says of iperf. Not a measurement. */
export interface Throughput {
  readonly datapath: Datapath;
  readonly ioBytes: number;
  /** Payload, as iperf counts it. */
  readonly gbps: number;
  /** Share of a host's processors, 0 to 1. */
  readonly senderShare: number;
  readonly receiverShare: number;
}

/** Payload that a link carries at most: frames have headers and gaps. */
export function goodputGbps(linkGbps: number, mtu: number): number {
  return (linkGbps * (mtu - HEADER_BYTES)) / (mtu + FRAMING_BYTES);
}

/**
 * Each stream has a window of blocks under way: customers of a closed network whose stations are the writing threads, the link, the interrupts
 * and the reading threads. A stream has one thread and one interrupt a side, so that no more processors than streams serve either.
 */
export function throughput(setting: ThroughputSetting): Throughput {
  const { datapath, ioBytes, streams, senderProcessors, receiverProcessors } = setting;
  const load = throughputNetwork(setting);
  const { spins } = throughputParameters[datapath];
  const share = (side: string, processors: number) => {
    const busy = load.stations.filter(({ name }) => name.startsWith(side)).reduce((sum, station: StationLoad) => sum + station.busy, 0);
    return Math.min(1, (spins ? Math.max(busy, streams) : busy) / processors);
  };
  return { datapath, ioBytes, gbps: load.throughput * BLOCK_BYTES * 8e-3, senderShare: share('sender', senderProcessors), receiverShare: share('receiver', receiverProcessors) };
}

/** Times in microseconds, a round is a block. */
export function throughputNetwork({ datapath, ioBytes, streams, senderProcessors, receiverProcessors, linkGbps, mtu, windowBytes }: ThroughputSetting): NetworkLoad {
  const cost = throughputParameters[datapath];
  const frames = BLOCK_BYTES / (mtu - HEADER_BYTES);
  const copyUs = (nsPerByte: number) => (nsPerByte * BLOCK_BYTES) / 1000;
  const side = (processors: number) => Math.min(streams, Math.max(1, Math.floor(processors / 2)));
  const write = (BLOCK_BYTES / ioBytes) * cost.call.value + copyUs(cost.sendCopy.value) + cost.sendBlock.value + frames * cost.sendFrame.value + cost.forward.value;
  const stations: readonly Station[] = [
    { name: 'sender threads', servers: side(senderProcessors), demand: write },
    { name: 'sender interrupts', servers: side(senderProcessors), demand: cost.acknowledge.value },
    { name: 'link', servers: 1, demand: (BLOCK_BYTES * 8e-3) / goodputGbps(linkGbps, mtu) },
    { name: 'receiver interrupts', servers: side(receiverProcessors), demand: frames * cost.receiveFrame.value + cost.receiveBlock.value + cost.forward.value },
    { name: 'receiver threads', servers: side(receiverProcessors), demand: copyUs(cost.receiveCopy.value) },
    { name: 'round trip', servers: 'delay', demand: cost.roundTrip.value },
  ];
  return solveClosedNetwork(stations, streams * Math.max(1, Math.floor(windowBytes / BLOCK_BYTES)));
}
