/** How packets go between an application in a pod and the wire. */
export const datapaths = ['kernel', 'sriov-vf', 'onload', 'ovs-offload'] as const;
export type Datapath = (typeof datapaths)[number];

export const datapathSays: Readonly<Record<Datapath, string>> = {
  kernel: 'kernel TCP over a macvlan of the PF',
  'sriov-vf': 'kernel TCP over a VF in the pod',
  onload: 'TCP in user space (Onload), spinning',
  'ovs-offload': 'kernel TCP over a VF, flows in the NIC\'s switch',
};

/** Where a number comes from: printed in a document, solved for so that a printed figure comes out, or chosen by us. */
export type Origin = 'printed' | 'calibrated' | 'assumed';

export interface Parameter {
  readonly value: number;
  readonly unit: 'µs' | 'ns/B' | 'B' | 'processors' | 'Gb/s' | 'streams';
  readonly origin: Origin;
  readonly says: string;
}

const printed = (value: number, unit: Parameter['unit'], says: string): Parameter => ({ value, unit, origin: 'printed', says });
const calibrated = (value: number, unit: Parameter['unit'], says: string): Parameter => ({ value, unit, origin: 'calibrated', says });
const assumed = (value: number, unit: Parameter['unit'], says: string): Parameter => ({ value, unit, origin: 'assumed', says });

/** One transaction of netperf TCP_RR, one byte each way, on one of the two hosts. */
export interface TransactionParameters {
  /** Processor time of the stream's own thread and its interrupts. */
  readonly host: Parameter;
  /** Work that all streams of a host do one after the other: locks, the scheduler, interrupts that land on one processor. */
  readonly shared: Parameter;
  /** Both NICs, PCIe and the wire, both ways. */
  readonly wire: Parameter;
  /** The thread polls and keeps its processor busy while it waits. */
  readonly spins: boolean;
}

const wire = assumed(0.97, 'µs', 'both NICs, PCIe and the cable, both ways');

/** The three kernel paths differ by what packets pass on the way: calibrated is the kernel's, the others are it less or more an assumed hop. */
const MACVLAN_HOP_US = 0.4;
/** Solved for, together, so that both printed ratios come out. */
const KERNEL_HOST_US = 7.013;
const KERNEL_SHARED_US = 0.822;

export const transactionParameters: Readonly<Record<Datapath, TransactionParameters>> = {
  kernel: {
    host: calibrated(KERNEL_HOST_US, 'µs', 'with `shared`: 8 times the time of Onload at one stream'),
    shared: calibrated(KERNEL_SHARED_US, 'µs', 'a fifteenth of Onload\'s rate at 36 streams'),
    wire, spins: false,
  },
  'sriov-vf': {
    host: assumed(KERNEL_HOST_US - 2 * MACVLAN_HOP_US, 'µs', 'the kernel path without a macvlan hop of 0.4 µs each way'),
    shared: assumed(KERNEL_SHARED_US, 'µs', 'as the kernel path: the same TCP stack'),
    wire, spins: false,
  },
  onload: {
    host: calibrated(0.545, 'µs', 'a transaction takes 2.08 µs: 481,130 transactions/s with 32 bytes (AMD UG1586, Throughput with Onload; another host and NIC)'),
    shared: assumed(0.01, 'µs', 'doorbells and PCIe; small, since the rate grows almost linearly with the streams'),
    wire, spins: true,
  },
  'ovs-offload': {
    host: assumed(KERNEL_HOST_US - 2 * MACVLAN_HOP_US, 'µs', 'as the VF: packets of a known flow do not pass the host'),
    shared: assumed(KERNEL_SHARED_US, 'µs', 'as the kernel path: the same TCP stack'),
    wire: assumed(0.97 + 4 * 0.15, 'µs', 'a look-up of 0.15 µs in the NIC\'s switch, four times a round'),
    spins: false,
  },
};

/** iperf: one side writes, the other reads. */
export interface ThroughputParameters {
  /** Of one write(), whatever its size. */
  readonly call: Parameter;
  readonly sendCopy: Parameter;
  readonly receiveCopy: Parameter;
  /** Of one 64 KiB block that goes down the sender's stack in one piece (TSO). */
  readonly sendBlock: Parameter;
  /** Of one frame where the sender's stack cuts them itself. */
  readonly sendFrame: Parameter;
  /** Of one received frame, up to where frames are joined (GRO). */
  readonly receiveFrame: Parameter;
  readonly receiveBlock: Parameter;
  /** Acknowledgements of one block, at the sender. */
  readonly acknowledge: Parameter;
  /** Software that forwards a block on each host. */
  readonly forward: Parameter;
  /** Round trip of an unloaded network, interrupts included. */
  readonly roundTrip: Parameter;
  readonly spins: boolean;
}

const none = (unit: Parameter['unit'], says: string): Parameter => assumed(0, unit, says);
const vfThroughput: ThroughputParameters = {
  call: assumed(0.35, 'µs', 'a system call and tcp_sendmsg of few bytes'),
  sendCopy: assumed(0.1, 'ns/B', 'user to kernel, 10 GB/s'),
  receiveCopy: assumed(0.12, 'ns/B', 'kernel to user, out of a colder cache'),
  sendBlock: assumed(3, 'µs', 'TCP, IP, queue and driver for 64 KiB'),
  sendFrame: none('µs', 'the NIC cuts frames'),
  receiveFrame: assumed(0.12, 'µs', 'driver and GRO'),
  receiveBlock: assumed(2, 'µs', 'IP, TCP and the wake-up of the reader'),
  acknowledge: assumed(0.3, 'µs', 'few: one for 60 frames in the OVS offload document\'s counters'),
  forward: none('µs', 'nothing in software'),
  roundTrip: assumed(20, 'µs', 'with interrupt moderation'),
  spins: false,
};

export const throughputParameters: Readonly<Record<Datapath, ThroughputParameters>> = {
  'sriov-vf': vfThroughput,
  kernel: { ...vfThroughput, forward: assumed(1.5, 'µs', 'macvlan and the PF\'s queue discipline, for 64 KiB') },
  onload: {
    ...vfThroughput,
    call: assumed(0.08, 'µs', 'a function call, no system call'),
    sendBlock: none('µs', 'no blocks: frames are sent one by one'),
    sendFrame: assumed(0.2, 'µs', 'TCP in user space and a doorbell'),
    receiveFrame: assumed(0.2, 'µs', 'TCP in user space'),
    receiveBlock: none('µs', 'no blocks'),
    roundTrip: assumed(4, 'µs', 'no interrupts'),
    spins: true,
  },
  'ovs-offload': { ...vfThroughput, roundTrip: assumed(20.6, 'µs', 'as the VF, and four look-ups in the NIC\'s switch') },
};

/** Two hosts and the link between them. */
export interface Testbed {
  readonly senderProcessors: Parameter;
  readonly receiverProcessors: Parameter;
  readonly link: Parameter;
  readonly mtu: Parameter;
  /** TCP window of each stream. */
  readonly window: Parameter;
}

/** Of the Onload article: back to back, XtremeScale X2541 100G, two Xeon E5-2697 v4 (18 cores each) a host. */
export const transactionTestbed: Testbed = {
  senderProcessors: printed(36, 'processors', '2 × Xeon E5-2697 v4, 18 cores each'),
  receiverProcessors: printed(36, 'processors', '2 × Xeon E5-2697 v4, 18 cores each'),
  link: printed(100, 'Gb/s', 'X2541 100G, back to back'),
  mtu: assumed(1500, 'B', 'not said; a transaction fits into one frame'),
  window: assumed(512 * 1024, 'B', 'not said; of no consequence to transactions'),
};

/** Of the Chelsio paper: T62100-CR, one port connected directly, `iperf -w 512K -P 8`, MTU 9000, hyper-threading off. */
export const throughputTestbed: Testbed = {
  senderProcessors: printed(24, 'processors', 'worker 1: 2 × Xeon E5-2687W v4, 12 cores each'),
  receiverProcessors: printed(20, 'processors', 'worker 2: 2 × Xeon E5-2687W v3, 10 cores each'),
  link: printed(100, 'Gb/s', 'one port of a T62100-CR, a 100G cable'),
  mtu: printed(9000, 'B', 'MTU of the ports under test'),
  window: printed(512 * 1024, 'B', 'iperf -w 512K'),
};

/** Streams of the Chelsio paper. */
export const throughputStreams = printed(8, 'streams', 'iperf -P 8');
