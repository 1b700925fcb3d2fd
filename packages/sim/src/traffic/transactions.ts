import { solveClosedNetwork } from './closed-network.ts';
import type { NetworkLoad, Station } from './closed-network.ts';
import { transactionParameters } from './parameters.ts';
import type { Datapath } from './parameters.ts';

/** What the model says of netperf TCP_RR with so many streams. Not a measurement. */
export interface Transactions {
  readonly datapath: Datapath;
  readonly streams: number;
  readonly transactionsPerSecond: number;
  /** Mean round trip of a transaction. */
  readonly latencyUs: number;
  /** Share of each host's processors, 0 to 1. */
  readonly processorShare: number;
}

/**
 * Each stream has one transaction under way: a customer of a closed network whose stations are the processors of both hosts, what their
 * streams share, and the wire. A spinning stream keeps its processor while it waits, so that no more than there are processors make progress.
 */
export function transactions(datapath: Datapath, streams: number, processors: number): Transactions {
  const { spins } = transactionParameters[datapath];
  const { throughput, stations } = transactionNetwork(datapath, spins ? Math.min(streams, processors) : streams, processors);
  // What is shared runs on some processor too, one at a time.
  const busy = stations.filter(({ name }) => name.startsWith('client')).reduce((sum, station) => sum + station.busy, 0);
  const share = Math.min(1, (spins ? Math.max(busy, streams) : busy) / processors);
  return { datapath, streams, transactionsPerSecond: throughput * 1e6, latencyUs: streams / throughput, processorShare: share };
}

export function transactionNetwork(datapath: Datapath, streams: number, processors: number): NetworkLoad {
  const { host, shared, wire } = transactionParameters[datapath];
  const stations: readonly Station[] = [
    ...['client', 'server'].flatMap((side): readonly Station[] => [
      { name: `${side} processors`, servers: processors, demand: host.value },
      { name: `${side} shared`, servers: 1, demand: shared.value },
    ]),
    { name: 'wire', servers: 'delay', demand: wire.value },
  ];
  return solveClosedNetwork(stations, streams);
}
