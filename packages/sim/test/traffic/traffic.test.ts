/**
 * Goal: the datapath model is a queueing network as the textbooks have it, keeps its bounds, and says what the documents print. Method:
 * properties over drawn networks and settings, an independent mean-value analysis, and every printed figure with its tolerance.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibration, ioSizes, settingOf } from '@vfleet/sim/traffic/calibration.ts';
import type { Station } from '@vfleet/sim/traffic/closed-network.ts';
import { solveClosedNetwork } from '@vfleet/sim/traffic/closed-network.ts';
import type { Datapath } from '@vfleet/sim/traffic/parameters.ts';
import { datapaths } from '@vfleet/sim/traffic/parameters.ts';
import { goodputGbps, throughput, throughputNetwork } from '@vfleet/sim/traffic/throughput.ts';
import { transactionNetwork, transactions } from '@vfleet/sim/traffic/transactions.ts';

const demand = fc.double({ min: 0.001, max: 1000, noNaN: true });
const stationLists: fc.Arbitrary<readonly Station[]> = fc.array(fc.record({ servers: fc.oneof(fc.constant('delay' as const), fc.integer({ min: 1, max: 40 })), demand }), { minLength: 1, maxLength: 5 })
  .map((stations) => stations.map((station, at) => ({ name: `s${at}`, ...station })));
const customers = fc.integer({ min: 1, max: 60 });
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

describe('a closed network', () => {
  it('keeps Little\'s law as a whole: nobody is anywhere else than at a station', () => {
    fc.assert(fc.property(stationLists, customers, (stations, count) => {
      const load = solveClosedNetwork(stations, count);
      expect(near(load.stations.reduce((sum, station) => sum + station.customers, 0), count)).toBe(true);
      expect(near(load.throughput * load.roundTime, count)).toBe(true);
    }));
  });

  it('keeps the utilisation law: busy servers are rounds times demand', () => {
    fc.assert(fc.property(stationLists, customers, (stations, count) => {
      const load = solveClosedNetwork(stations, count);
      for (const [at, { busy }] of load.stations.entries()) expect(near(busy, load.throughput * stations[at]!.demand)).toBe(true);
    }));
  });

  it('stays within the bounds of its slowest station and of a network without waiting, and never slows when customers come', () => {
    fc.assert(fc.property(stationLists, customers, (stations, count) => {
      const { throughput: rate } = solveClosedNetwork(stations, count);
      const slowest = Math.max(...stations.map(({ servers, demand: time }) => (servers === 'delay' ? 0 : time / servers)));
      const alone = stations.reduce((sum, station) => sum + station.demand, 0);
      expect(rate).toBeLessThanOrEqual(Math.min(count / alone, slowest === 0 ? Number.POSITIVE_INFINITY : 1 / slowest) * (1 + 1e-9));
      expect(solveClosedNetwork(stations, count + 1).throughput).toBeGreaterThanOrEqual(rate * (1 - 1e-9));
    }));
  });

  it('agrees with mean-value analysis where all servers are single', () => {
    fc.assert(fc.property(fc.array(demand, { minLength: 1, maxLength: 5 }), fc.double({ min: 0, max: 100, noNaN: true }), customers, (demands, think, count) => {
      let queues = demands.map(() => 0);
      let rate = 0;
      for (let present = 1; present <= count; present++) {
        const times = demands.map((time, at) => time * (1 + queues[at]!));
        rate = present / (think + times.reduce((a, b) => a + b));
        queues = times.map((time) => rate * time);
      }
      const solved = solveClosedNetwork([...demands.map((time, at) => ({ name: `q${at}`, servers: 1, demand: time })), { name: 'think', servers: 'delay' as const, demand: think }], count);
      expect(near(solved.throughput / rate, 1)).toBe(true);
    }));
  });

  it('agrees with a birth-death chain written out by hand for several servers', () => {
    // Machine repair: 5 machines that run 10 on average, 2 repairers that need 4 (M/M/2//5).
    const weights = [0, 1, 2, 3, 4, 5].map((broken) => {
      let weight = 1;
      for (let step = 1; step <= broken; step++) weight *= ((5 - step + 1) / 10) / (Math.min(step, 2) / 4);
      return weight;
    });
    const all = weights.reduce((a, b) => a + b);
    const repairs = weights.reduce((sum, weight, broken) => sum + (weight / all) * (Math.min(broken, 2) / 4), 0);
    expect(solveClosedNetwork([{ name: 'run', servers: 'delay', demand: 10 }, { name: 'repair', servers: 2, demand: 4 }], 5).throughput).toBeCloseTo(repairs, 12);
  });

  it('does not overflow with many customers, and refuses none', () => {
    const big = solveClosedNetwork([{ name: 'a', servers: 100, demand: 1e6 }, { name: 'b', servers: 1, demand: 1e-6 }, { name: 'c', servers: 'delay', demand: 1e3 }], 700);
    expect(big.throughput).toBeCloseTo(100 / 1e6, 8);
    for (const count of [0, -1, 1.5, Number.NaN]) expect(() => solveClosedNetwork([{ name: 'a', servers: 1, demand: 1 }], count)).toThrow(RangeError);
    expect(() => solveClosedNetwork([{ name: 'a', servers: 1, demand: 0 }], 1)).toThrow(/takes no time/);
  });
});

const paths = fc.constantFrom<Datapath>(...datapaths);

describe('transactions', () => {
  const processors = fc.integer({ min: 1, max: 64 });
  const streams = fc.integer({ min: 1, max: 100 });

  it('grow with the streams and with the processors, within Little\'s law and the processors there are', () => {
    fc.assert(fc.property(paths, streams, processors, (path, count, cores) => {
      const one = transactions(path, count, cores);
      expect(transactions(path, count + 1, cores).transactionsPerSecond).toBeGreaterThanOrEqual(one.transactionsPerSecond * (1 - 1e-9));
      expect(transactions(path, count, cores + 1).transactionsPerSecond).toBeGreaterThanOrEqual(one.transactionsPerSecond * (1 - 1e-9));
      expect(near(one.transactionsPerSecond * one.latencyUs * 1e-6, count)).toBe(true);
      expect(one.processorShare).toBeGreaterThan(0);
      expect(one.processorShare).toBeLessThanOrEqual(1);
      expect(one.latencyUs).toBeGreaterThanOrEqual(transactions(path, 1, cores).latencyUs * (1 - 1e-9));
    }));
  });

  it('cost a processor for each stream that spins, and no more streams make progress than there are processors', () => {
    expect(transactions('onload', 9, 36).processorShare).toBe(0.25);
    expect(transactions('onload', 50, 36).transactionsPerSecond).toBe(transactions('onload', 36, 36).transactionsPerSecond);
    expect(transactionNetwork('kernel', 9, 36).stations[0]!.busy / 36).toBeLessThan(0.25);
  });
});

describe('throughput', () => {
  const settings = fc.record({
    datapath: paths, ioBytes: fc.integer({ min: 1, max: 1_048_576 }), streams: fc.integer({ min: 1, max: 24 }), senderProcessors: fc.integer({ min: 2, max: 64 }), receiverProcessors: fc.integer({ min: 2, max: 64 }),
    linkGbps: fc.constantFrom(1, 10, 25, 100, 400), mtu: fc.integer({ min: 576, max: 9216 }), windowBytes: fc.integer({ min: 4096, max: 524_288 }),
  });

  it('is never more than the link carries, nor the shares more than the hosts have', () => {
    fc.assert(fc.property(settings, (setting) => {
      const { gbps, senderShare, receiverShare } = throughput(setting);
      expect(gbps).toBeGreaterThan(0);
      expect(gbps).toBeLessThanOrEqual(goodputGbps(setting.linkGbps, setting.mtu) * (1 + 1e-9));
      for (const share of [senderShare, receiverShare]) {
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1);
      }
    }), { numRuns: 60 });
  });

  it('never falls with larger I/O, a faster link, a larger window or larger frames', () => {
    fc.assert(fc.property(settings, (setting) => {
      const { gbps } = throughput(setting);
      const better = [{ ioBytes: setting.ioBytes * 2 }, { linkGbps: setting.linkGbps * 2 }, { windowBytes: setting.windowBytes * 2 }, { mtu: setting.mtu + 500 }];
      for (const change of better) expect(throughput({ ...setting, ...change }).gbps).toBeGreaterThanOrEqual(gbps * (1 - 1e-9));
    }), { numRuns: 40 });
  });

  it('keeps the utilisation law at the link', () => {
    fc.assert(fc.property(settings, (setting) => {
      const { gbps } = throughput(setting);
      const link = throughputNetwork(setting).stations.find(({ name }) => name === 'link')!;
      expect(near(link.busy, gbps / goodputGbps(setting.linkGbps, setting.mtu))).toBe(true);
    }), { numRuns: 40 });
  });

  it('counts headers and gaps of frames', () => {
    expect(goodputGbps(100, 9000)).toBeCloseTo(99.0, 1);
    expect(goodputGbps(100, 1500)).toBeCloseTo(94.15, 1);
  });
});

describe('calibration', () => {
  it.each(calibration().map((point) => [point.figure, point] as const))('%s', (_, { printed, model, is, tolerance, holds }) => {
    const least = is === 'near' ? printed * (1 - tolerance) : is === 'atLeast' ? printed : 0;
    const most = is === 'near' ? printed * (1 + tolerance) : is === 'atMost' ? printed : Number.POSITIVE_INFINITY;
    expect(model).toBeGreaterThanOrEqual(least);
    expect(model).toBeLessThanOrEqual(most);
    expect(holds).toBe(true);
  });

  it('fails when a figure is not met', () => {
    const slower = throughput({ ...settingOf('sriov-vf', 524_288), linkGbps: 90 });
    expect(Math.abs(slower.gbps - 98) / 98).toBeGreaterThan(0.015);
    expect(ioSizes).toEqual([64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144, 524_288]);
  });
});
