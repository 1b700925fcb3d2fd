import type { Subscription } from '@vfleet/core';
import { forgetPf, startPf } from './kernel/pci.ts';
import { PfFlag } from './model/columns.ts';
import type { NodeModel } from './model/node-model.ts';
import { vfOffsets } from './model/vf-offsets.ts';

/** 'down': everything that ran on the node is gone. 'up': the kernel has booted, daemons may start. */
export type RebootPhase = 'down' | 'up';

/** Time between the request and the moment processes are killed. */
const SHUTDOWN_MS = 2000;

/** A node's way through shutdown and boot, and what survives it: the NICs' firmware settings and the boot loader's arguments. */
export class Reboots {
  readonly #node: NodeModel;
  readonly #listeners = new Set<(phase: RebootPhase, reason: string) => void>();
  #shuttingDown = false;

  constructor(node: NodeModel) {
    this.#node = node;
  }

  listen(listener: (phase: RebootPhase, reason: string) => void): Subscription {
    const own = (phase: RebootPhase, reason: string) => listener(phase, reason);
    this.#listeners.add(own);
    return { stop: () => void this.#listeners.delete(own) };
  }

  /** An orderly shutdown; asking again while it is under way changes nothing. */
  shutDown(reason: string): void {
    if (this.#shuttingDown || !this.#node.up) return;
    this.#shuttingDown = true;
    this.#afterMs(SHUTDOWN_MS, () => this.powerCycle(reason));
  }

  powerCycle(reason: string): void {
    const node = this.#node;
    if (!node.up) return;
    node.up = false;
    node.interruptAll();
    node.stopListening();
    this.#tell('down', reason);
    this.#afterMs(node.spec.rebootMs, () => {
      this.#boot();
      this.#tell('up', reason);
    });
  }

  #afterMs(ms: number, effect: () => void): void {
    const { clock, options } = this.#node.fleet;
    clock.setTimer(ms * options.delayFactor, effect);
  }

  #tell(phase: RebootPhase, reason: string): void {
    for (const listener of [...this.#listeners]) listener(phase, reason);
  }

  #boot(): void {
    const node = this.#node;
    forgetRuntimeState(node);
    applyFirmwareSettings(node);
    for (let pf = node.firstPf; pf < node.endPf; pf++) startPf(node, pf);
    node.bootId = node.fleet.options.random.uuid();
    node.kernelArguments = node.pendingKernelArguments;
    this.#shuttingDown = false;
    node.up = true;
  }
}

/** VFs, modes, names, namespaces and loaded modules are gone; what the host's configuration gives is set again by startPf. */
function forgetRuntimeState(node: NodeModel): void {
  const { fleet } = node;
  node.namespaces.clear();
  node.forgetModules();
  node.pulledAccelerators.clear();
  node.hasRenamedNetdevs = false;
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    const first = fleet.pfs.firstVf[pf]!;
    for (let index = 0; index < fleet.pfs.numVfs[pf]!; index++) fleet.rareVfs.delete(first + index);
    fleet.pfs.numVfs[pf] = 0;
    forgetPf(node, pf);
    // A PF that was unplugged is found again only if it was put back; one that was removed in software is.
    node.setFlag(pf, PfFlag.present, true);
  }
}

/** Parameters that the NIC keeps and reads at power-on: the number of VFs it offers, and whether it offers any. */
function applyFirmwareSettings(node: NodeModel): void {
  const { fleet } = node;
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    const settings = fleet.rarePfs.get(pf)?.pendingParams;
    if (settings === undefined) continue;
    const enabled = settings.get('enable_sriov') !== false;
    const total = settings.get('total_vfs');
    fleet.pfs.totalVfs[pf] = enabled ? (typeof total === 'number' ? total : node.specOf(pf).totalVfs) : 0;
  }
  moveVfAddresses(node);
}

/** On cards whose functions' VFs follow each other, another total moves the VFs of the later functions. */
function moveVfAddresses(node: NodeModel): void {
  const { pfs } = node.fleet;
  for (let pf = node.firstPf; pf < node.endPf; pf++) {
    const model = node.modelOf(pf);
    const totals = new Map<number, number>();
    for (let other = node.firstPf; other < node.endPf; other++) {
      if (pfs.domain[other] === pfs.domain[pf] && pfs.routingId[other]! >> 3 === pfs.routingId[pf]! >> 3) totals.set(pfs.routingId[other]! & 7, pfs.totalVfs[other]!);
    }
    const offset = vfOffsets(model, totals).get(pfs.routingId[pf]! & 7);
    if (offset !== undefined) pfs.vfOffset[pf] = offset;
  }
}
