import type { NetnsPath } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import type { KernelLinks } from '../links.ts';
import { hexBytes } from '../netlink/attributes.ts';
import { RTM_NEIGHBOUR, RTM_SETLINK, decodePortAddress, encodeGetPortAddresses, encodePortAddress, encodePortFlags } from '../netlink/bridge-port.ts';
import {
  ALIAS_BYTES_MAX, encodeAlias, encodeBridge, encodeDeleteGroup, encodeDeleteLink, encodeIfb, encodeMaster, encodeVethPair, encodeVlan, encodeWithoutOwnAddress,
} from '../netlink/link-kinds.ts';
import { RTM, encodeSetMtu, encodeSetUp } from '../netlink/link.ts';
import type { Link } from '../netlink/link.ts';
import { NLM } from '../netlink/message.ts';
import { RTM_FILTER, RTM_QUEUE, encodeIngress, encodeRedirect, encodeTokenBucket } from '../netlink/shaping.ts';
import { failed, ofNetlink } from '../steps/outcome.ts';
import type { StepFailure, StepOutcome } from '../steps/outcome.ts';
import { UNTAGGED, bridgeName, groupOf, limiterName, representorName, trunkName } from './names.ts';
import type { SwitchKey, SwitchVlan } from './names.ts';
import type { SwitchAction } from './plan.ts';
import { encodeEnd, encodePart, encodePort, encodeSwitch } from './records.ts';
import type { PortRecord } from './records.ts';

const HOST: NetnsPath = 'host';
/** Largest of a bridge and a veth: what a frame may be long is decided by the VF's own end. */
const MTU_MAX = 65_535;
const MAKE = NLM.create | NLM.exclusive;
const NO_MAC = '00:00:00:00:00:00';

/** Carries out plans on the host's links. Every action may be repeated. */
export class SwitchWriter {
  readonly #links: KernelLinks;
  readonly #key: SwitchKey;

  constructor(links: KernelLinks, key: SwitchKey) {
    this.#links = links;
    this.#key = key;
  }

  /** Up to the first that fails. */
  async carryOut(actions: readonly SwitchAction[]): Promise<StepOutcome> {
    for (const action of actions) {
      const failure = await this.#perform(action);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** The record of a port alone: where its other end is about to be. */
  async note(representor: Link, record: PortRecord): Promise<StepOutcome> {
    return this.#alias(representor.index, encodePort(this.#key, record));
  }

  #perform(action: SwitchAction): Promise<StepOutcome> {
    switch (action.kind) {
      case 'removeLink':
        return this.#remove(action.index, action.name);
      case 'removePorts':
        return this.#change(encodeDeleteGroup(action.group), 0, 'representors', RTM.delLink);
      case 'makeBridge':
        return this.#makeBridge(action.vlan);
      case 'noteSwitch':
        return this.#on(bridgeName(this.#key, UNTAGGED), ({ index }) => this.#alias(index, encodeSwitch(this.#key, action.record)));
      case 'makePort':
        return this.#makePort(action);
      case 'setPort':
        return this.#setPort(action.record, action.bridge);
      case 'setPortLink':
        return this.#on(representorName(this.#key, action.portIndex), ({ index }) => this.#change(encodeSetUp(index, action.up)));
    }
  }

  async #remove(index: number, name: string): Promise<StepOutcome> {
    const removed = await this.#links.change(HOST, RTM.delLink, encodeDeleteLink(index));
    // The other end of a pair went first.
    return removed.ok || removed.error.errno === ENODEV ? undefined : ofNetlink(removed.error, name);
  }

  async #makeBridge(vlan: SwitchVlan): Promise<StepOutcome> {
    const name = bridgeName(this.#key, vlan);
    const made = await this.#change(encodeBridge({ name, mtu: MTU_MAX }), MAKE, name);
    if (made !== undefined) return made;
    return this.#on(name, async ({ index }) => {
      // Set anew, it is nobody's but ours, and does not follow the ports' any more.
      const ready = await this.#inOrder([
        () => this.#change(encodeSetMtu(index, MTU_MAX)),
        () => this.#start(index),
        ...(vlan.id === 0 ? [] : [() => this.#joinToTrunk(vlan, index)]),
      ]);
      // The bridge of untagged frames gets its record by an action of its own.
      return ready ?? (vlan.id === 0 ? undefined : this.#alias(index, encodePart(this.#key)));
    });
  }

  /** Frames of this VLAN appear with their tag on the bridge of those without one. A kernel without VLANs keeps them apart altogether. */
  async #joinToTrunk(vlan: SwitchVlan, bridge: number): Promise<StepOutcome> {
    const trunk = await this.#find(bridgeName(this.#key, UNTAGGED));
    if (!trunk.ok) return trunk.error;
    const name = trunkName(this.#key, vlan);
    const made = await this.#change(encodeVlan({ name, mtu: MTU_MAX }, trunk.value.index, vlan), MAKE, name);
    if (made?.failure === 'EOPNOTSUPP') return undefined;
    if (made !== undefined) return made;
    return this.#on(name, ({ index }) => this.#inOrder([
      () => this.#change(encodeMaster(index, bridge)),
      () => this.#start(index),
      () => this.#alias(index, encodePart(this.#key)),
    ]));
  }

  async #makePort({ name, mtu, record }: Extract<SwitchAction, { kind: 'makePort' }>): Promise<StepOutcome> {
    const mac = hexBytes(record.mac);
    const own = representorName(this.#key, record.index);
    const made = await this.#change(encodeVethPair({ name: own, mtu: MTU_MAX, group: groupOf(this.#key) }, { name, mtu, ...(mac === undefined ? {} : { mac }) }), MAKE, name);
    if (made !== undefined) return made;
    return this.#inOrder([
      () => this.#on(name, ({ index }) => this.#alias(index, encodeEnd(this.#key, record.device))),
      () => this.#on(own, ({ index }) => this.#withoutOwnAddress(index)),
    ]);
  }

  /** The record comes last: one that says what is not so is never found. */
  async #setPort(record: PortRecord, vlan: SwitchVlan | undefined): Promise<StepOutcome> {
    const representor = await this.#find(representorName(this.#key, record.index));
    if (!representor.ok) return representor.error;
    const { index, master } = representor.value;
    return this.#inOrder([
      () => this.#limit(index, record),
      () => (vlan === undefined ? this.#release(index, master) : this.#forward(index, master, record, vlan)),
      () => this.#alias(index, encodePort(this.#key, record)),
    ]);
  }

  async #forward(index: number, master: number | undefined, record: PortRecord, vlan: SwitchVlan): Promise<StepOutcome> {
    const bridge = await this.#find(bridgeName(this.#key, vlan));
    if (!bridge.ok) return bridge.error;
    const { mac, spoofCheck, trust } = record.settings;
    const isFixed = mac !== NO_MAC;
    const macs = [...new Set([...(isFixed ? [mac] : []), ...(isFixed && !trust ? [] : [record.mac])])];
    return this.#inOrder([
      ...(master === bridge.value.index ? [] : [() => this.#change(encodeMaster(index, bridge.value.index))]),
      // A VF hears what is sent to it. A trusted one may ask for more, and one that may use any address is found where it was heard.
      () => this.#change(encodePortFlags(index, { locked: spoofCheck, learning: !spoofCheck && (trust || !isFixed), unicastFlood: trust }), 0, undefined, RTM_SETLINK),
      () => this.#setAddresses(index, macs),
    ]);
  }

  /** Out of a bridge of ours; others' are theirs. */
  async #release(index: number, master: number | undefined): Promise<StepOutcome> {
    if (master === undefined) return undefined;
    const all = await this.#links.list(HOST);
    if (!all.ok) return ofNetlink(all.error);
    const bridge = all.value.find((link) => link.index === master);
    return bridge?.alias?.startsWith(`vfleet ${this.#key} `) === true ? this.#change(encodeMaster(index, 0)) : undefined;
  }

  async #setAddresses(port: number, macs: readonly string[]): Promise<StepOutcome> {
    const all = await this.#links.ask(HOST, 'route', RTM_NEIGHBOUR.get, encodeGetPortAddresses(), decodePortAddress, true);
    if (!all.ok) return ofNetlink(all.error);
    // A bridge that knows VLANs lists an address once for each, and takes it away from all.
    const there = [...new Set(all.value.filter((address) => address.port === port && address.isStatic).map(({ mac }) => mac))];
    const change = (mac: string, type: number, flags: number) => this.#change(encodePortAddress(port, hexBytes(mac)!), flags, mac, type);
    return this.#inOrder([
      ...there.filter((mac) => !macs.includes(mac)).map((mac) => () => change(mac, RTM_NEIGHBOUR.remove, 0)),
      ...macs.filter((mac) => !there.includes(mac)).map((mac) => () => change(mac, RTM_NEIGHBOUR.make, NLM.create | NLM.replace)),
    ]);
  }

  /** What the VF sends comes in here, and queues are for what goes out: so it takes a way around. The smallest rate is nobody's promise. */
  async #limit(index: number, { index: vf, settings: { maxTxRateMbps } }: PortRecord): Promise<StepOutcome> {
    // It may not be there.
    await this.#links.change(HOST, RTM_QUEUE.remove, encodeIngress(index));
    if (maxTxRateMbps === 0) return undefined;
    const name = limiterName(this.#key, vf);
    const limiter = await this.#limiter(name);
    if (!limiter.ok) return limiter.error;
    const { index: through } = limiter.value;
    return this.#inOrder([
      () => this.#change(encodeTokenBucket(through, maxTxRateMbps), NLM.create | NLM.replace, name, RTM_QUEUE.make),
      () => this.#start(through),
      () => this.#change(encodeIngress(index), MAKE, name, RTM_QUEUE.make),
      () => this.#change(encodeRedirect(index, through), MAKE, name, RTM_FILTER.make),
      () => this.#alias(through, encodePart(this.#key)),
    ]);
  }

  async #limiter(name: string): Promise<Result<Link, StepFailure>> {
    const there = await this.#find(name);
    if (there.ok) return there;
    const made = await this.#change(encodeIfb({ name, mtu: MTU_MAX }), MAKE, name);
    return made === undefined ? this.#find(name) : fail(made);
  }

  #start(index: number): Promise<StepOutcome> {
    return this.#inOrder([() => this.#withoutOwnAddress(index), () => this.#change(encodeSetUp(index, true))]);
  }

  /** A kernel without IPv6 has none to begin with. */
  async #withoutOwnAddress(index: number): Promise<StepOutcome> {
    await this.#links.change(HOST, RTM.newLink, encodeWithoutOwnAddress(index));
    return undefined;
  }

  async #alias(index: number, alias: string): Promise<StepOutcome> {
    if (new TextEncoder().encode(alias).length > ALIAS_BYTES_MAX) return failed('EMSGSIZE', `"${alias}" is longer than an alias may be: ${ALIAS_BYTES_MAX} bytes`);
    return this.#change(encodeAlias(index, alias));
  }

  async #on(name: string, work: (link: Link) => Promise<StepOutcome>): Promise<StepOutcome> {
    const found = await this.#find(name);
    return found.ok ? work(found.value) : found.error;
  }

  async #find(name: string): Promise<Result<Link, StepFailure>> {
    const found = await this.#links.named(name, false);
    if (!found.ok) return fail(ofNetlink(found.error, name));
    return found.value === undefined ? fail(failed('ENODEV', name)) : ok(found.value);
  }

  async #inOrder(works: readonly (() => Promise<StepOutcome>)[]): Promise<StepOutcome> {
    for (const work of works) {
      const failure = await work();
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  async #change(payload: Uint8Array, flags = 0, detail?: string, type: number = RTM.newLink): Promise<StepOutcome> {
    const changed = await this.#links.change(HOST, type, payload, { flags });
    return changed.ok ? undefined : ofNetlink(changed.error, detail);
  }
}

const ENODEV = 19;
