import { moveRdma, rdmaNetnsOf, setRdmaMode } from '../kernel/rdma.ts';
import { interfaceIndex } from '../model/netdev.ts';
import type { Device, NodeModel } from '../model/node-model.ts';
import { bornRdmaDevices } from '../observe.ts';
import { attr, attrMap, byte, concat, get32, getByte, string, word32 } from './bytes.ts';
import type { FamilyAnswer } from './families.ts';

/** Commands and attributes (include/uapi/rdma/rdma_netlink.h); RDMA_NL_NLDEV is 5. */
const COMMAND = { get: (5 << 10) | 1, set: (5 << 10) | 2, getSystem: (5 << 10) | 6, setSystem: (5 << 10) | 7 } as const;
const ATTRIBUTE = { index: 1, name: 2, mode: 66, netnsFd: 68 } as const;

const done = (outcome: FamilyAnswer['outcome']): FamilyAnswer => ({ outcome, payloads: [] });

/** RDMA's own protocol, asked on a socket of a namespace (drivers/infiniband/core/nldev.c). */
export class RdmaResponder {
  readonly #node: NodeModel;
  readonly #netns: string;
  readonly #netnsOfFd: (fd: number) => string | undefined;

  constructor(node: NodeModel, netns: string, netnsOfFd: (fd: number) => string | undefined) {
    this.#node = node;
    this.#netns = netns;
    this.#netnsOfFd = netnsOfFd;
  }

  /** What a dump shows: the devices of this namespace, and in the mode `shared` all. */
  devices(type: number): readonly Uint8Array[] {
    if (type !== COMMAND.get) return [];
    return this.#visible().map(({ index, name }) => concat(attr(ATTRIBUTE.index, word32(index)), attr(ATTRIBUTE.name, string(name))));
  }

  async ask(type: number, payload: Uint8Array): Promise<FamilyAnswer> {
    const node = this.#node;
    if (type === COMMAND.getSystem) return { outcome: 'ok', payloads: [attr(ATTRIBUTE.mode, byte(node.rdmaMode === 'shared' ? 1 : 0))] };
    const asked = attrMap(payload);
    const mode = asked.get(ATTRIBUTE.mode);
    if (type === COMMAND.setSystem && mode !== undefined) return done(setRdmaMode(node, getByte(mode) === 0 ? 'exclusive' : 'shared'));
    const [index, fd] = [asked.get(ATTRIBUTE.index), asked.get(ATTRIBUTE.netnsFd)];
    if (type !== COMMAND.set || index === undefined || fd === undefined) return done('EINVAL');
    const found = this.#visible().find((one) => one.index === get32(index));
    if (found === undefined) return done('EINVAL');
    const to = this.#netnsOfFd(get32(fd));
    return done(to === undefined ? 'EINVAL' : await node.locked(found.device.pf, () => moveRdma(node, found.device, found.name, this.#netns, to)));
  }

  /** One device for each function, with a number that stays. */
  #visible(): readonly { readonly device: Device; readonly index: number; readonly name: string }[] {
    const node = this.#node;
    return [...node.functions()].flatMap((device) =>
      (node.rdmaMode === 'shared' || rdmaNetnsOf(node, device) === this.#netns ? bornRdmaDevices(node, device) : []).map((name) => ({ device, index: interfaceIndex(node, device), name })));
  }
}
