// Goal: many VFs cost one message, a refusal among them is told of the VF it is of, and an interface's number that is old does no harm.
// Method: a kernel made of a script, that tells what it was asked; the sockets themselves ask the kernel that runs the test.
import { describe, expect, test } from 'vitest';
import { pciAddress } from '@vfleet/core';
import type { VfChange } from '@vfleet/core';
import { KernelNetlink } from '../src/kernel-thread/kernel-netlink.ts';
import type { Netlink } from '../src/kernel-thread/kernel-thread.ts';
import { KernelLinks } from '../src/links.ts';
import { attribute, bytesOf, text } from '../src/netlink/attributes.ts';
import type { NetlinkAnswer, NetlinkRequest } from '../src/netlink/exchange.ts';
import { RTM, decodeLink, encodeGetLinks, linkHeader } from '../src/netlink/link.ts';
import { setVfs } from '../src/steps/vf-attributes.ts';

const PF = pciAddress('0000:01:00.0');
const EINVAL = 22;
const EOPNOTSUPP = 95;
const ENODEV = 19;
const change = (vfIndex: number): VfChange => ({ vfIndex, trust: true });

/** One PF, which `place` says the number of, and VFs that `refuses` names. */
class ScriptedKernel implements Netlink {
  readonly asked: string[] = [];
  readonly set: number[] = [];
  place = 7;
  /** Interfaces of others, which have no VFs. */
  others: readonly number[] = [];
  refuses: (vfIndex: number) => boolean = () => false;

  async ask(asked: Parameters<Netlink['ask']>[0]): Promise<NetlinkAnswer> {
    if (asked.kind !== 'netlink') throw new Error(`not scripted: ${asked.kind}`);
    return asked.request.type === RTM.getLink ? this.#look(asked.request) : this.#change(asked.request);
  }

  #look({ payload, dump }: NetlinkRequest): NetlinkAnswer {
    const { index } = decodeLink(payload);
    this.asked.push(dump === true ? 'list' : `look at ${index}`);
    const all = [{ index: this.place, device: PF as string }, ...this.others.map((other) => ({ index: other, device: '0000:09:00.0' }))];
    const found = all.filter((one) => dump === true || one.index === index);
    if (found.length === 0) return { ok: false, failure: { errno: ENODEV } };
    return { ok: true, payloads: found.map((one) => bytesOf(linkHeader(one.index), attribute(57, text('pci')), attribute(56, text(one.device)))) };
  }

  #change({ payload }: NetlinkRequest): NetlinkAnswer {
    // The VFs of these messages have no MAC, which a link that is read must have.
    const index = new DataView(payload.buffer, payload.byteOffset).getInt32(4, true);
    const vfs = trustedVfs(payload);
    this.asked.push(`set ${vfs.join(', ')} at ${index}`);
    if (this.others.includes(index)) return { ok: false, failure: { errno: EOPNOTSUPP } };
    if (index !== this.place) return { ok: false, failure: { errno: ENODEV } };
    for (const vf of vfs) {
      if (this.refuses(vf)) return { ok: false, failure: { errno: EINVAL } };
      this.set.push(vf);
    }
    return { ok: true, payloads: [] };
  }
}

/** Headers of the link, the list, the VF and the attribute, each entry with nothing but `trust`. */
function trustedVfs(payload: Uint8Array): readonly number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const found: number[] = [];
  for (let at = 20; at < payload.length; at += 16) found.push(view.getUint32(at + 8, true));
  return found;
}

async function known(kernel: ScriptedKernel): Promise<KernelLinks> {
  const links = new KernelLinks(kernel);
  expect((await links.list('host')).ok).toBe(true);
  kernel.asked.length = 0;
  return links;
}

describe('several VFs', () => {
  test('are one message, once the interface is known; 600 are three', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    expect(await setVfs(links, PF, [0, 1, 2].map(change))).toBeUndefined();
    expect(kernel.asked).toEqual(['set 0, 1, 2 at 7']);
    expect(await setVfs(links, PF, Array.from({ length: 600 }, (_, index) => change(index)))).toBeUndefined();
    expect([kernel.asked.length, kernel.set.length]).toEqual([4, 603]);
  });

  test('with a refusal: it is found one by one, and what comes after it is not begun', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    kernel.refuses = (vf) => vf === 2;
    expect(await setVfs(links, PF, [0, 1, 2, 3].map(change))).toEqual({ failure: 'EINVAL', detail: 'VF 2', step: { kind: 'setVf', pf: PF, ...change(2) } });
    expect(kernel.asked.filter((asked) => asked.startsWith('set'))).toEqual(['set 0, 1, 2, 3 at 7', 'set 0 at 7', 'set 1 at 7', 'set 2 at 7']);
    expect(kernel.set).not.toContain(3);
  });

  test('refused once for a reason that passes: all are set', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    let times = 0;
    kernel.refuses = (vf) => vf === 1 && times++ === 0;
    expect(await setVfs(links, PF, [0, 1, 2].map(change))).toBeUndefined();
    expect(new Set(kernel.set)).toEqual(new Set([0, 1, 2]));
  });

  test('with a value that no message can carry: what came before it is set', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    expect(await setVfs(links, PF, [change(0), { vfIndex: 1, mac: 'no' }, change(2)])).toMatchObject({ failure: 'EINVAL', step: { vfIndex: 1 } });
    expect(kernel.set).toEqual([0]);
  });

  test.each([['nobody’s', []], ['another’s', [7]]] as const)('whose PF has another number now, the old one %s', async (_whose, others) => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    Object.assign(kernel, { place: 12, others });
    expect(await setVfs(links, PF, [change(0), change(1)])).toBeUndefined();
    expect(kernel.set).toEqual([0, 1]);
    expect(await setVfs(links, PF, [change(2)])).toBeUndefined();
    expect(kernel.asked.at(-1)).toBe('set 2 at 12');
  });

  test('set from several sides at once: each message is its own until it is answered', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    const asked = kernel.ask.bind(kernel);
    // The kernel looks at the message when the others have been made.
    kernel.ask = (request) => new Promise((resolve) => setImmediate(() => void asked(request).then(resolve)));
    const sides = [[0, 1], [2], [3, 4, 5]];
    expect(await Promise.all(sides.map((vfs) => setVfs(links, PF, vfs.map(change))))).toEqual([undefined, undefined, undefined]);
    expect(await setVfs(links, PF, [change(6)])).toBeUndefined();
    expect(kernel.asked).toEqual(['set 0, 1 at 7', 'set 2 at 7', 'set 3, 4, 5 at 7', 'set 6 at 7']);
  });

  test('of a PF that is gone', async () => {
    const kernel = new ScriptedKernel();
    const links = await known(kernel);
    kernel.place = -1;
    kernel.others = [8];
    expect(await setVfs(links, pciAddress('0000:02:00.0'), [change(0), change(1)])).toMatchObject({ failure: 'ENODEV', step: { vfIndex: 0 } });
    expect(kernel.set).toEqual([]);
  });
});

describe.each(['aside', 'here'] as const)('sockets of this process, waiting %s', (waiting) => {
  test('many at once are answered, each its own, and after a close too', async () => {
    const netlink = new KernelNetlink(waiting);
    const list = { kind: 'netlink', netns: 'host', protocol: 'route', request: { type: RTM.getLink, payload: encodeGetLinks(), dump: true } } as const;
    const one = (index: number) => ({ ...list, request: { type: RTM.getLink, payload: linkHeader(index) } });
    for (let times = 0; times < 2; times++) {
      const [all, ...rest] = await Promise.all([netlink.ask(list), ...Array.from({ length: 20 }, (_, index) => netlink.ask(index % 2 === 0 ? one(1) : one(2_000_000_000)))]);
      expect(all!.ok && all!.payloads.map((payload) => decodeLink(payload).name)).toContain('lo');
      rest.forEach((answer, index) => {
        if (index % 2 === 0) expect(answer.ok && decodeLink(answer.payloads[0]!).name).toBe('lo');
        else expect(answer).toMatchObject({ ok: false, failure: { errno: ENODEV } });
      });
      expect(await netlink.ask({ kind: 'driverInfo', netns: 'host', name: 'no-such' })).toMatchObject({ ok: false });
      await netlink.close();
    }
  });
});
