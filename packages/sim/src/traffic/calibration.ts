import { throughputStreams, throughputTestbed, transactionTestbed } from './parameters.ts';
import type { Datapath, Testbed } from './parameters.ts';
import { throughput } from './throughput.ts';
import type { Throughput, ThroughputSetting } from './throughput.ts';
import { transactions } from './transactions.ts';

/** A figure that a document prints, and what the model says in its place. */
export interface CalibrationPoint {
  readonly figure: string;
  readonly source: string;
  readonly printed: number;
  readonly unit: string;
  readonly model: number;
  /** `near`: within the tolerance. `atMost`, `atLeast`: on that side of it. */
  readonly is: 'near' | 'atMost' | 'atLeast';
  /** Share of the printed figure. */
  readonly tolerance: number;
  readonly holds: boolean;
}

const ONLOAD = 'Solarflare and Red Hat, "Launching OpenShift/Kubernetes Support for Solarflare Cloud Onload", figure 2';
const CHELSIO = 'Chelsio, "High Performance Network for Kubernetes", figure 1';
const OVS = 'Antrea, "OVS hardware offload", counters of the offloaded flows';

/** I/O sizes of the Chelsio paper: 64 B to 512 KiB. */
export const ioSizes: readonly number[] = Array.from({ length: 14 }, (_, power) => 64 * 2 ** power);

export function settingOf(datapath: Datapath, ioBytes: number, testbed: Testbed = throughputTestbed, streams = throughputStreams.value): ThroughputSetting {
  return {
    datapath, ioBytes, streams, senderProcessors: testbed.senderProcessors.value, receiverProcessors: testbed.receiverProcessors.value,
    linkGbps: testbed.link.value, mtu: testbed.mtu.value, windowBytes: testbed.window.value,
  };
}

export function calibration(): readonly CalibrationPoint[] {
  const processors = transactionTestbed.senderProcessors.value;
  const rate = (datapath: Datapath, streams: number) => transactions(datapath, streams, processors).transactionsPerSecond;
  const chelsio = ioSizes.map((ioBytes) => throughput(settingOf('sriov-vf', ioBytes)));
  const busiest = (sizes: readonly Throughput[]) => Math.max(...sizes.flatMap(({ senderShare, receiverShare }) => [senderShare, receiverShare]));
  // 195,255,745,684 bytes in 133,410,141 packets, of which 66 bytes each are headers, within the 100 s of the one iperf3 run shown.
  const offloaded = ((195_255_745_684 - 66 * 133_410_141) * 8e-9) / 100;
  const oneStream = throughput({ ...settingOf('ovs-offload', 131_072), streams: 1, mtu: 1450, windowBytes: 3_145_728 });
  return [
    point('Onload over the kernel, one stream', ONLOAD, 8, '×', rate('onload', 1) / rate('kernel', 1), 'near', 0.01),
    point('Onload over the kernel, 36 streams', ONLOAD, 15, '×', rate('onload', 36) / rate('kernel', 36), 'near', 0.01),
    point('Onload at 36 streams over 36 times one stream ("almost linearly")', ONLOAD, 1, '×', rate('onload', 36) / (36 * rate('onload', 1)), 'near', 0.1),
    point('VF throughput at large I/O', CHELSIO, 98, 'Gb/s', Math.max(...chelsio.map(({ gbps }) => gbps)), 'near', 0.015),
    point('most processor time of a host, at any I/O size', CHELSIO, 35, '%', 100 * busiest(chelsio), 'atMost', 0),
    point('most processor time is needed at the smallest I/O', CHELSIO, 35, '%', 100 * busiest(chelsio.slice(0, 1)), 'near', 0.05),
    point('one offloaded flow, payload, MTU 1450', OVS, offloaded, 'Gb/s', oneStream.gbps, 'atLeast', 0),
  ];
}

function point(figure: string, source: string, printed: number, unit: string, model: number, is: CalibrationPoint['is'], tolerance: number): CalibrationPoint {
  const holds = is === 'near' ? Math.abs(model - printed) <= tolerance * printed : is === 'atMost' ? model <= printed * (1 + tolerance) : model >= printed * (1 - tolerance);
  return { figure, source, printed, unit, model, is, tolerance, holds };
}
