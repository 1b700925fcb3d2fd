import { SimClock, fail, ok } from '@vfleet/core';
import { HostPreparation, createLinuxHardware, createLinuxHost } from '@vfleet/hw-linux';
import type { LongWrites, Netlink, Sysfs } from '@vfleet/hw-linux';
import { EventReader } from '@vfleet/hw-linux/events.ts';
import { MalformedMessage } from '@vfleet/hw-linux/netlink/attributes.ts';
import { decodeAddress, decodeRoute } from '@vfleet/hw-linux/netlink/addresses.ts';
import { NetlinkExchange } from '@vfleet/hw-linux/netlink/exchange.ts';
import { decodeDeviceInfo, decodeEswitch, decodeParameter, decodePort, decodeReporter } from '@vfleet/hw-linux/netlink/devlink.ts';
import { decodeFeatures, decodeLinkSettings } from '@vfleet/hw-linux/netlink/ethtool.ts';
import { decodeFeatureCount, decodeFeaturesAnswer, decodeLinkSettingsAnswer, decodeMaskWords } from '@vfleet/hw-linux/netlink/ethtool-ioctl.ts';
import { decodeFamily } from '@vfleet/hw-linux/netlink/generic.ts';
import { decodeLink } from '@vfleet/hw-linux/netlink/link.ts';
import { decodeRdmaDevice, decodeRdmaMode } from '@vfleet/hw-linux/netlink/rdma.ts';
import { Draw } from '../draw.ts';
import type { Corpus } from './corpus.ts';
import { mutateBytes, mutateText } from './mutate.ts';

export interface KernelFuzzReport {
  readonly cases: number;
  /** How often each kind of outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly index: number; readonly what: string }[];
  /** The slowest case, in milliseconds of the processor. */
  readonly slowestMs: number;
}

const DECODERS = [
  decodeLink, decodeAddress, decodeRoute, decodeEswitch, decodeFamily, decodeFeatures, decodeParameter, decodePort, decodeReporter, decodeLinkSettings, decodeDeviceInfo, decodeRdmaMode, decodeRdmaDevice, decodeFeatureCount, decodeLinkSettingsAnswer,
  decodeMaskWords, (payload: Uint8Array) => decodeFeaturesAnswer(payload, ['a', 'b']),
] as const;
const EAGAIN = 11;
const ENOBUFS = 105;
const FAILURES_MAX = 20;
/** Nothing that a kernel says may keep the backend busy for so long. Time of the processor: a machine that does something else meanwhile is no fault. */
const CASE_MS_MAX = 1_000;

/** One case by its number; `Draw` makes it the same each time. The answer names the outcome; anything thrown is a failure. */
export async function fuzzCase(corpus: Corpus, seed: string, index: number): Promise<string> {
  const draw = new Draw(`${seed}/${index}`);
  const kind = index % 20;
  if (kind === 0) return fuzzFiles(draw, corpus);
  return kind < 4 ? fuzzNews(draw, corpus) : fuzzAnswer(draw, corpus);
}

/** A datagram, as the answer to a request; what comes of it goes into every decoder. */
function fuzzAnswer(draw: Draw, corpus: Corpus): string {
  const waiting = Array.from({ length: 1 + draw.integer(3) }, () => mutateBytes(draw, draw.from(corpus.answers), corpus.answers));
  let sends = 0;
  const exchange = new NetlinkExchange({
    send: () => ({ errno: ++sends > 100 ? 5 : 0 }),
    receive: () => {
      const bytes = waiting.shift();
      return bytes === undefined ? { errno: draw.from([EAGAIN, ENOBUFS]) } : { bytes };
    },
  }, 1);
  const answer = exchange.ask({ type: 18, payload: new Uint8Array(16), dump: draw.once(2) });
  // Most mutations never get past the exchange: the decoders see the inside of a mutated datagram by themselves.
  const payloads = answer.ok ? answer.payloads : [mutateBytes(draw, draw.from(corpus.answers).slice(16), corpus.answers)];
  const linksRead = payloads.slice(0, 50).filter((payload) => DECODERS.map((decode) => attemptDecode(decode, payload))[0] === true);
  return `${answer.ok ? 'answered' : 'refused'}, ${linksRead.length > 0 ? 'a link read' : 'no link'}`;
}

function attemptDecode(decode: (payload: Uint8Array) => unknown, payload: Uint8Array): boolean {
  try {
    decode(payload);
    return true;
  } catch (error) {
    if (error instanceof MalformedMessage) return false;
    throw error;
  }
}

function fuzzNews(draw: Draw, corpus: Corpus): string {
  const reader = new EventReader();
  let events = 0;
  for (let times = draw.integer(3); times >= 0; times--) {
    const { kind, bytes } = draw.from(corpus.news);
    const others = corpus.news.map((one) => one.bytes);
    events += reader.read({ kind: draw.once(10) ? (kind === 'link' ? 'uevent' : 'link') : kind, bytes: mutateBytes(draw, bytes, others) }).length;
  }
  return events > 0 ? 'news told' : 'news passed over';
}

const ERRNOS = ['ENOENT', 'EACCES', 'EIO', 'ENODEV', 'EINVAL', 'ENOTDIR', 'ELOOP', 'EMSGSIZE'];

/** A host on which some files say something else, are gone, or cannot be read. */
async function fuzzFiles(draw: Draw, corpus: Corpus): Promise<string> {
  const odd = 1 + draw.integer(8);
  const changed = new Map<string, string>();
  for (let count = 0; count < odd; count++) changed.set(draw.from(draw.once(2) ? [...corpus.files.keys()] : [...corpus.links.keys(), ...corpus.folders.keys()]), draw.from(['text', 'text', 'errno']));
  const answer = <Value>(path: string, known: Value | undefined, mutate: (value: Value) => Value) => {
    const how = changed.get(path);
    if (known === undefined || how === 'errno') return fail({ errno: how === 'errno' ? draw.from(ERRNOS) : 'ENOENT', path });
    return ok(how === undefined ? known : mutate(known));
  };
  const text = async (path: string) => answer(path, corpus.files.get(path), (value) => mutateText(draw, value));
  const sysfs: Sysfs = {
    read: text,
    readPatiently: text,
    write: async () => ok(undefined),
    list: async (path) => answer(path, corpus.folders.get(path), (names) => [...names, mutateText(draw, draw.from([...names, 'x']))].slice(draw.integer(3))),
    readLink: async (path) => answer(path, corpus.links.get(path), (target) => mutateText(draw, target)),
    exists: async (path) => corpus.files.has(path) || corpus.folders.has(path) || corpus.links.has(path),
  };
  const netlink: Netlink = { ask: async () => ({ ok: true, payloads: draw.once(3) ? [mutateBytes(draw, draw.from(corpus.answers).slice(16), corpus.answers)] : [] }) };
  // Not the default, which would read this machine's files, and start a process for it, five hundred times in ten thousand cases.
  const longWrites: LongWrites = { read: (path) => ({ outcome: text(path), over: Promise.resolve() }), write: () => ({ outcome: Promise.resolve(ok(undefined)), over: Promise.resolve() }) };
  const hardware = createLinuxHardware({ clock: new SimClock(), sysfs, netlink, monitor: { listen: () => ({ stop() {} }) }, longWrites });
  const seen = await hardware.discover();
  const sight = await hardware.lookAtVf(draw.from(corpus.vfs));
  if (!sight.ok && typeof sight.error.code !== 'string') throw new Error(`an error without a code: ${JSON.stringify(sight.error)}`);
  const facts = await createLinuxHost({ sysfs }).facts();
  const preparation = new HostPreparation({ files: NO_FILES, sysfs, commands: { find: async () => undefined, run: async (command) => fail({ command, says: 'no' }) } });
  if (facts.ok && seen.ok) await preparation.check(facts.value, seen.value);
  if (!seen.ok && typeof seen.error.code !== 'string') throw new Error(`an error without a code: ${JSON.stringify(seen.error)}`);
  return seen.ok ? 'discovered' : `not discovered: ${seen.error.code}`;
}

const NO_FILES = {
  read: async (path: string) => fail({ code: 'notFound' as const, path, cause: 'no file' }), replace: async () => ok(undefined), create: async () => ok(undefined), append: async () => ok(undefined), list: async () => ok([]), remove: async () => ok(undefined),
  withLock: <Value>(_path: string, work: () => Promise<Value>) => work(),
};

/** Plays cases `from` to `to`; never stops at a failure. */
export async function fuzzKernel(corpus: Corpus, options: { readonly seed: string; readonly cases: number; readonly onProgress?: (report: KernelFuzzReport) => void; readonly progressEvery?: number }): Promise<KernelFuzzReport> {
  const outcomes = new Map<string, number>();
  const failures: { index: number; what: string }[] = [];
  let slowestMs = 0;
  const report = (cases: number): KernelFuzzReport => ({ cases, outcomes: Object.fromEntries(outcomes), failures, slowestMs });
  for (let index = 0; index < options.cases; index++) {
    const started = process.cpuUsage();
    let outcome: string;
    try {
      outcome = await fuzzCase(corpus, options.seed, index);
    } catch (error) {
      outcome = 'failure';
      if (failures.length < FAILURES_MAX) failures.push({ index, what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const { user, system } = process.cpuUsage(started);
    const tookMs = (user + system) / 1000;
    if (tookMs > CASE_MS_MAX && failures.length < FAILURES_MAX) failures.push({ index, what: `took ${Math.round(tookMs)} ms` });
    slowestMs = Math.max(slowestMs, tookMs);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (options.onProgress !== undefined && (index + 1) % (options.progressEvery ?? 50_000) === 0) options.onProgress(report(index + 1));
  }
  return report(options.cases);
}
