// Goal: one plan is enough, whatever was there before: after it nothing is left to do, and without VFs no link is left. Method: a kernel that is
// a list of links, on which plans are carried out as switch-writer.ts does it; random PFs, one after the other, and half of a plan.
import { pciAddress } from '@vfleet/core';
import type { PfObservation, VfObservation } from '@vfleet/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Link } from '../../src/netlink/link.ts';
import { bridgeName, groupOf, limiterName, representorName, trunkName } from '../../src/standin/names.ts';
import { planSwitch } from '../../src/standin/plan.ts';
import type { SwitchAction } from '../../src/standin/plan.ts';
import { encodeEnd, encodePart, encodePort, encodeSwitch, parsePort } from '../../src/standin/records.ts';
import { viewSwitch } from '../../src/standin/switch-view.ts';
import { vfs as someVfs } from './arbitraries.ts';

const KEY = 'abcdefg';
const address = pciAddress('0000:81:00.0');
const UNTAGGED = { id: 0, protocol: '802.1q' } as const;

class LinkTable {
  links: Link[] = [{ ...blank('eth0', 1) }];
  #last = 1;
  readonly #peers = new Map<string, string>();

  view() {
    return viewSwitch(KEY, this.links);
  }

  carryOut(actions: readonly SwitchAction[]): void {
    for (const action of actions) this.#perform(action);
  }

  #perform(action: SwitchAction): void {
    switch (action.kind) {
      case 'removeLink':
        return this.#remove(action.name);
      case 'removePorts':
        for (const { name } of this.links.filter(({ group }) => group === action.group)) this.#remove(name);
        return;
      case 'makeBridge':
        this.#add(bridgeName(KEY, action.vlan), 'bridge', action.vlan.id === 0 ? {} : { alias: encodePart(KEY) });
        if (action.vlan.id !== 0) this.#add(trunkName(KEY, action.vlan), 'vlan', { alias: encodePart(KEY) });
        return;
      case 'noteSwitch':
        return this.#set(bridgeName(KEY, UNTAGGED), { alias: encodeSwitch(KEY, action.record) });
      case 'makePort':
        this.#add(action.name, 'veth', { alias: encodeEnd(KEY, action.record.device), mac: action.record.mac });
        this.#add(representorName(KEY, action.record.index), 'veth', { group: groupOf(KEY) });
        this.#peers.set(representorName(KEY, action.record.index), action.name);
        return;
      case 'setPort': {
        const name = representorName(KEY, action.record.index);
        if (action.record.settings.maxTxRateMbps > 0 && !this.links.some((link) => link.name === limiterName(KEY, action.record.index))) this.#add(limiterName(KEY, action.record.index), 'ifb', { alias: encodePart(KEY) });
        const { master: _, ...free } = this.#find(name);
        const master = action.bridge === undefined ? {} : { master: this.#find(bridgeName(KEY, action.bridge)).index };
        this.links = this.links.map((link) => (link.name === name ? { ...free, ...master, alias: encodePort(KEY, action.record) } : link));
        return;
      }
      case 'setPortLink':
        return this.#set(representorName(KEY, action.portIndex), { up: action.up });
    }
  }

  #find(name: string): Link {
    const found = this.links.find((link) => link.name === name);
    if (found === undefined) throw new Error(`no link ${name}`);
    return found;
  }

  #set(name: string, change: Partial<Link>): void {
    this.#find(name);
    this.links = this.links.map((link) => (link.name === name ? { ...link, ...change } : link));
  }

  #add(name: string, softwareKind: string, more: Partial<Link> = {}): void {
    if (this.links.some((link) => link.name === name)) throw new Error(`${name} is there`);
    this.links.push({ ...blank(name, ++this.#last), softwareKind, ...more });
  }

  #remove(name: string): void {
    const gone = this.links.find((link) => link.name === name);
    this.links = this.links.filter((link) => link.name !== name && link.name !== this.#peers.get(name)).map((link) => {
      if (gone === undefined || link.master !== gone.index) return link;
      const { master: _, ...free } = link;
      return free;
    });
  }
}

function blank(name: string, index: number): Link {
  return { index, isInfiniBand: false, up: false, carrier: false, name, altNames: [], mac: '', mtu: 1500, vfs: [] };
}

function pfWith(vfs: readonly VfObservation[], eswitchMode: 'legacy' | 'switchdev', carrier: boolean): PfObservation {
  return {
    pciAddress: address, vendor: '8086', deviceId: '1592', driver: 'ice', linkType: 'ETH', linkSpeedMbps: 100_000, eswitchMode, totalVfs: 128, numVfs: vfs.length, vfs, numaNode: 0,
    rdmaDevices: [], holdsDefaultRoute: false, netdev: { name: 'ens801f0', altNames: [], mac: '', mtu: 1500, adminState: 'up', carrier },
  };
}

const moment = fc.record({ vfs: someVfs, eswitchMode: fc.constantFrom('legacy' as const, 'legacy' as const, 'switchdev' as const), carrier: fc.boolean(), done: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })) });

test('what is there is led to what is wanted by one plan, from anywhere', () => {
  fc.assert(fc.property(fc.array(moment, { minLength: 1, maxLength: 5 }), (moments) => {
    const table = new LinkTable();
    for (const { vfs, eswitchMode, carrier, done } of moments) {
      const pf = pfWith(vfs, eswitchMode, carrier);
      const half = planSwitch(pf, table.view());
      table.carryOut(half.slice(0, Math.floor(half.length * done)));
      table.carryOut(planSwitch(pf, table.view()));
      expect(planSwitch(pf, table.view())).toEqual([]);
      const ports = table.links.flatMap(({ alias }) => parsePort(KEY, alias) ?? []);
      expect(ports.map(({ device, settings }) => ({ device, settings })).toSorted((a, b) => (a.device < b.device ? -1 : 1)))
        .toEqual(vfs.filter(({ netdev }) => netdev !== undefined).map(({ pciAddress: device, settings }) => ({ device, settings })));
    }
    table.carryOut(planSwitch(undefined, table.view()));
    expect(table.links.map(({ name }) => name)).toEqual(['eth0']);
  }));
});

test('links of somebody else in the group keep it from being removed as one', () => {
  const table = new LinkTable();
  table.links.push({ ...blank('mine', 99), group: groupOf(KEY) });
  const vf = (index: number): VfObservation => ({
    index, pciAddress: pciAddress(`0000:81:01.${index}`), vendor: '8086', deviceId: '1889', driver: 'iavf', rdmaDevices: [],
    settings: { mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: true, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto' },
    netdev: { name: `ens801f0v${index}`, altNames: [], mac: `02:00:00:00:00:0${index}`, mtu: 1500, adminState: 'down', carrier: false },
  });
  table.carryOut(planSwitch(pfWith([vf(0), vf(1)], 'legacy', true), table.view()));
  expect(planSwitch(undefined, table.view()).some(({ kind }) => kind === 'removePorts')).toBe(false);
  table.carryOut(planSwitch(undefined, table.view()));
  expect(table.links.map(({ name }) => name)).toEqual(['eth0', 'mine']);
});

test('a VF that is with a pod keeps its place, with the address that it has there', () => {
  const vf: VfObservation = {
    index: 0, pciAddress: pciAddress('0000:81:01.0'), vendor: '8086', deviceId: '1889', driver: 'iavf', rdmaDevices: [],
    settings: { mac: '00:00:00:00:00:00', vlan: 0, vlanQos: 0, vlanProtocol: '802.1q', spoofCheck: true, trust: false, minTxRateMbps: 0, maxTxRateMbps: 0, linkState: 'auto' },
    netdev: { name: 'ens801f0v0', altNames: [], mac: '02:00:00:00:00:01', mtu: 1500, adminState: 'down', carrier: false },
  };
  const table = new LinkTable();
  table.carryOut(planSwitch(pfWith([vf], 'legacy', true), table.view()));
  const { netdev: _, ...away } = vf;
  // On the host in its record, and not to be seen: whoever moved it was not asked.
  expect(planSwitch(pfWith([away], 'legacy', true), table.view()).map(({ kind }) => kind)).toEqual(['removeLink']);
  const port = table.view().ports.get(0)!;
  table.links = table.links.filter(({ name }) => name !== 'ens801f0v0').map((link) => (link.index === port.representor.index ? { ...link, alias: encodePort(KEY, { ...port.record, mac: '02:00:00:00:00:02', netns: '/run/netns/a' }) } : link));
  expect(planSwitch(pfWith([away], 'legacy', true), table.view())).toEqual([]);
  const changed = { ...away, settings: { ...away.settings, vlan: 5 } };
  expect(planSwitch(pfWith([changed], 'legacy', true), table.view())).toMatchObject([{ kind: 'makeBridge' }, { kind: 'setPort', record: { mac: '02:00:00:00:00:02', netns: '/run/netns/a' } }]);
});
