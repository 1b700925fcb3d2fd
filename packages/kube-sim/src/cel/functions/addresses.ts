import type { CelLibrary, Environment } from '../library.ts';
import { formatIp, maskedPrefix, parseIp, parsePrefix, prefixContains } from '../addresses.ts';
import type { IpAddress, IpPrefix } from '../addresses.ts';

class Ip {
  readonly address: IpAddress;
  constructor(address: IpAddress) {
    this.address = address;
  }
  equals(other: unknown): boolean {
    return other instanceof Ip && other.address.family === this.address.family && other.address.bits === this.address.bits;
  }
  toString(): string {
    return formatIp(this.address);
  }
}

class Cidr {
  readonly prefix: IpPrefix;
  constructor(prefix: IpPrefix) {
    this.prefix = prefix;
  }
  equals(other: unknown): boolean {
    return other instanceof Cidr && other.toString() === this.toString();
  }
  toString(): string {
    return `${formatIp(this.prefix.address)}/${this.prefix.length}`;
  }
}

/** IP addresses and networks (apiserver pkg/cel/library/ip.go, cidr.go; the tests of addresses are those of Go's netip.Addr). */
export function registerAddresses(environment: Environment, library: CelLibrary): void {
  const fail = (text: string): never => { throw new library.EvaluationError(text); };
  const ip = (text: string) => new Ip(parseIp(text) ?? fail(`IP Address "${text}" parse error during conversion from string: ParseAddr("${text}"): unable to parse IP`));
  const cidr = (text: string) => new Cidr(parsePrefix(text) ?? fail(`network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix("${text}"): no '/'`));
  environment.registerType('net.IP', Ip).registerType('net.CIDR', Cidr);
  environment.registerOperator('net.IP == net.IP', (a: Ip, b: Ip) => a.equals(b));
  environment.registerOperator('net.CIDR == net.CIDR', (a: Cidr, b: Cidr) => a.equals(b));
  environment.registerFunction('isIP(string): bool', (text: string) => parseIp(text) !== undefined);
  environment.registerFunction('ip(string): net.IP', ip);
  environment.registerFunction('string(net.IP): string', String);
  class IpNamespace {
    readonly name = 'ip';
  }
  environment.registerType('IpNamespace', IpNamespace).registerConstant('ip', 'IpNamespace', new IpNamespace());
  environment.registerFunction('IpNamespace.isCanonical(string): bool', (_ip: unknown, text: string) => ip(text).toString() === text);
  environment.registerFunction('net.IP.family(): int', ({ address }: Ip) => BigInt(address.family));
  for (const [name, holds] of Object.entries(IP_TESTS)) environment.registerFunction(`net.IP.${name}(): bool`, ({ address }: Ip) => holds(address));
  environment.registerFunction('isCIDR(string): bool', (text: string) => parsePrefix(text) !== undefined);
  environment.registerFunction('cidr(string): net.CIDR', cidr);
  environment.registerFunction('string(net.CIDR): string', String);
  environment.registerFunction('net.CIDR.ip(): net.IP', ({ prefix }: Cidr) => new Ip(prefix.address));
  environment.registerFunction('net.CIDR.masked(): net.CIDR', ({ prefix }: Cidr) => new Cidr(maskedPrefix(prefix)));
  environment.registerFunction('net.CIDR.prefixLength(): int', ({ prefix }: Cidr) => BigInt(prefix.length));
  environment.registerFunction('net.CIDR.containsIP(net.IP): bool', ({ prefix }: Cidr, { address }: Ip) => prefixContains(prefix, address));
  environment.registerFunction('net.CIDR.containsIP(string): bool', ({ prefix }: Cidr, text: string) => prefixContains(prefix, ip(text).address));
  const containsCidr = (outer: IpPrefix, inner: IpPrefix) => outer.length <= inner.length && prefixContains(outer, inner.address);
  environment.registerFunction('net.CIDR.containsCIDR(net.CIDR): bool', ({ prefix }: Cidr, inner: Cidr) => containsCidr(prefix, inner.prefix));
  environment.registerFunction('net.CIDR.containsCIDR(string): bool', ({ prefix }: Cidr, text: string) => containsCidr(prefix, cidr(text).prefix));
}

const within = (network: string) => (address: IpAddress) => prefixContains(parsePrefix(network)!, address);
const isUnspecified = ({ bits }: IpAddress) => bits === 0n;
const isLoopback = (address: IpAddress) => (address.family === 4 ? within('127.0.0.0/8') : within('::1/128'))(address);
const isMulticast = (address: IpAddress) => (address.family === 4 ? within('224.0.0.0/4') : within('ff00::/8'))(address);
const isLinkLocalUnicast = (address: IpAddress) => (address.family === 4 ? within('169.254.0.0/16') : within('fe80::/10'))(address);

const IP_TESTS: Readonly<Record<string, (address: IpAddress) => boolean>> = {
  isUnspecified,
  isLoopback,
  isLinkLocalUnicast,
  isLinkLocalMulticast: (address) => (address.family === 4 ? within('224.0.0.0/24')(address) : address.bits >> 112n === 0xff02n),
  isGlobalUnicast: (address) => !isUnspecified(address) && !(address.family === 4 && address.bits === 0xffffffffn) && !isLoopback(address) && !isMulticast(address) && !isLinkLocalUnicast(address),
};
