import { parseAddress } from './addresses.ts';
import type { CommandResult } from './command-result.ts';
import { failed, printed } from './command-result.ts';
import type { ContainerInside, InsideInterface } from './container-inside.ts';
import { interfaceAddresses } from './ip.ts';

/** `ifconfig` of net-tools 2: `ifconfig [-a] [NAME]`. Undefined: anything else. */
export function ifconfigCommand(words: readonly string[], inside: ContainerInside): CommandResult | undefined {
  const names = words.filter((word) => word !== '-a');
  if (names.length > 1 || names.some((name) => name.startsWith('-'))) return undefined;
  const [name] = names;
  const shows = ({ up, name: own }: InsideInterface) => (name === undefined ? up || words.includes('-a') : own === name);
  // Sorted as ifconfig sorts them, with the loopback where its name puts it.
  const chosen = inside.interfaces.filter(shows).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (name !== undefined && chosen.length === 0) return failed(1, `${name}: error fetching interface information: Device not found\n`);
  return printed(chosen.map(block).join(''));
}

/** include/uapi/linux/if.h. */
const FLAGS: readonly (readonly [string, number, (one: InsideInterface) => boolean])[] = [
  ['UP', 0x1, ({ up }) => up],
  ['BROADCAST', 0x2, ({ link }) => link !== 'loopback'],
  ['LOOPBACK', 0x8, ({ link }) => link === 'loopback'],
  ['RUNNING', 0x40, ({ up, carrier }) => up && carrier],
  ['MULTICAST', 0x1000, ({ link }) => link !== 'loopback'],
];

function block(one: InsideInterface): string {
  const set = FLAGS.filter(([, , isSet]) => isSet(one));
  const value = set.reduce((sum, [, bit]) => sum | bit, 0);
  const lines = [`${one.name}: flags=${value}<${set.map(([flag]) => flag).join(',')}>  mtu ${one.mtu}`];
  for (const { text, scope } of interfaceAddresses(one)) {
    const { family, address, prefixLength, netmask, broadcast } = parseAddress(text);
    if (family === 'inet') lines.push(`        inet ${address}  netmask ${netmask}${broadcast === undefined || one.link === 'loopback' ? '' : `  broadcast ${broadcast}`}`);
    else lines.push(`        inet6 ${address}  prefixlen ${prefixLength}  scopeid ${{ global: '0x0<global>', link: '0x20<link>', host: '0x10<host>' }[scope]}`);
  }
  lines.push(one.link === 'loopback' ? '        loop  txqueuelen 1000  (Local Loopback)' : `        ${one.link === 'ether' ? 'ether' : 'unspec'} ${one.mac}  txqueuelen ${one.isVeth ? 0 : 1000}  (${one.link === 'ether' ? 'Ethernet' : 'InfiniBand'})`);
  // Nothing in the simulation sends packets.
  lines.push('        RX packets 0  bytes 0 (0.0 B)', '        RX errors 0  dropped 0  overruns 0  frame 0', '        TX packets 0  bytes 0 (0.0 B)', '        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0', '');
  return `${lines.join('\n')}\n`;
}
