import { linkLocal, parseAddress } from './addresses.ts';
import type { ContainerInside, InsideInterface } from './container-inside.ts';
import type { CommandResult } from './command-result.ts';
import { failed, printed } from './command-result.ts';

/** `ip` of iproute2: `ip [-d] a|addr|address [show] [[dev] NAME]` and `ip [-d] link [show] [[dev] NAME]`. Undefined: anything else. */
export function ipCommand(words: readonly string[], inside: ContainerInside): CommandResult | undefined {
  const options = words.slice(0, words.findIndex((word) => !word.startsWith('-')) < 0 ? words.length : words.findIndex((word) => !word.startsWith('-')));
  if (options.some((option) => !['-d', '-details', '-4', '-6', '-c', '-color=never'].includes(option))) return undefined;
  const [object = '', ...rest] = words.slice(options.length);
  const what = object !== '' && ['address', 'addr'].some((full) => full.startsWith(object)) ? 'address' : object.length > 0 && 'link'.startsWith(object) ? 'link' : undefined;
  if (what === undefined) return undefined;
  const asked = rest[0] !== undefined && ['show', 'list', 'ls', 'sh', 's'].includes(rest[0]) ? rest.slice(1) : rest;
  const names = asked[0] === 'dev' ? asked.slice(1) : asked;
  if (names.length > 1) return undefined;
  const [name] = names;
  const chosen = inside.interfaces.map((one, at) => ({ one, index: at + 1 })).filter(({ one }) => name === undefined || one.name === name);
  if (chosen.length === 0) return failed(1, `Device "${name}" does not exist.\n`);
  const isDetailed = options.some((option) => option.startsWith('-d'));
  const family = options.includes('-4') ? 'inet' : options.includes('-6') ? 'inet6' : undefined;
  return printed(chosen.map(({ one, index }) => (what === 'address' ? addressText(one, index, isDetailed, family) : linkText(one, index, isDetailed))).join(''));
}

/** The two lines of `ip link`, with -d the details of a device behind them. */
function linkText(one: InsideInterface, index: number, isDetailed: boolean): string {
  return firstLine(one, index, ' mode DEFAULT') + secondLine(one, isDetailed);
}

function addressText(one: InsideInterface, index: number, isDetailed: boolean, family: 'inet' | 'inet6' | undefined): string {
  const addresses = interfaceAddresses(one).filter((address) => family === undefined || parseAddress(address.text).family === family);
  const lines = addresses.map(({ text, scope }) => {
    const { family: kind, address, prefixLength, broadcast } = parseAddress(text);
    const label = kind === 'inet' ? ` ${one.name}` : ' ';
    const to = broadcast === undefined || one.link === 'loopback' ? '' : ` brd ${broadcast}`;
    return `    ${kind} ${address}/${prefixLength}${to} scope ${scope}${label}\n       valid_lft forever preferred_lft forever\n`;
  });
  // -4 and -6 leave the link's own line out.
  return firstLine(one, index, '') + (family === undefined ? secondLine(one, isDetailed) : '') + lines.join('');
}

/** What is configured, and what the kernel adds by itself. */
export function interfaceAddresses(one: InsideInterface): readonly { readonly text: string; readonly scope: 'global' | 'link' | 'host' }[] {
  const configured = one.addresses.map((text) => ({ text, scope: one.link === 'loopback' ? ('host' as const) : ('global' as const) }));
  const own = one.up && one.carrier && one.link === 'ether' ? linkLocal(one.mac) : undefined;
  return own === undefined ? configured : [...configured, { text: `${own}/64`, scope: 'link' }];
}

function firstLine(one: InsideInterface, index: number, mode: string): string {
  const name = one.isVeth ? `${one.name}@if${index + 8}` : one.name;
  const flags = [...(one.up && !one.carrier ? ['NO-CARRIER'] : []), ...(one.link === 'loopback' ? ['LOOPBACK'] : ['BROADCAST', 'MULTICAST']), ...(one.up ? ['UP'] : []), ...(one.up && one.carrier ? ['LOWER_UP'] : [])];
  const state = one.link === 'loopback' ? 'UNKNOWN' : one.up && one.carrier ? 'UP' : 'DOWN';
  const queue = one.link === 'loopback' || one.isVeth ? 'noqueue' : 'mq';
  return `${index}: ${name}: <${flags.join(',')}> mtu ${one.mtu} qdisc ${one.up ? queue : 'noop'} state ${state}${mode} group default${one.isVeth ? ' ' : ' qlen 1000'}\n`;
}

/** Offloads as a kernel 6.8 with iproute2 6.1 shows them for a driver without limits of its own. */
const SEGMENTS = 'gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536';

function secondLine(one: InsideInterface, isDetailed: boolean): string {
  const broadcast = one.link === 'loopback' ? '00:00:00:00:00:00' : one.link === 'infiniband' ? '00:ff:ff:ff:ff:12:40:1b:ff:ff:00:00:00:00:00:00:ff:ff:ff:ff' : 'ff:ff:ff:ff:ff:ff';
  const line = `    link/${one.link} ${one.mac} brd ${broadcast}${one.isVeth ? ' link-netnsid 0' : ''}`;
  if (!isDetailed) return `${line}\n`;
  const limits = one.link === 'loopback' ? 'minmtu 0 maxmtu 0' : one.isVeth ? 'minmtu 68 maxmtu 65535' : 'minmtu 68 maxmtu 9702';
  const queues = `addrgenmode eui64 numtxqueues ${one.device === undefined ? 1 : 4} numrxqueues ${one.device === undefined ? 1 : 4} ${SEGMENTS}`;
  const parent = one.device === undefined ? '' : ` parentbus pci parentdev ${one.device}`;
  return `${line} promiscuity 0 allmulti 0 ${limits}${one.isVeth ? ' \n    veth' : ''} ${queues}${parent} \n`;
}
