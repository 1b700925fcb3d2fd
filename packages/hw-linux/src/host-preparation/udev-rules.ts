import type { PciAddress } from '@vfleet/core';
import type { FileChange } from './file-changes.ts';

/** What udev is to know of one PF. */
export interface UdevPf {
  readonly pciAddress: PciAddress;
  readonly name: string;
  /** Where its VFs are, or will be. */
  readonly vfAddresses: readonly PciAddress[];
  /** Only in switchdev mode: how the kernel names its ports, as in `pf0vf3`, and the switch they belong to. */
  readonly representors?: { readonly pfNumber: number; readonly switchId: string };
}

const FOLDER = '/etc/udev/rules.d';
/** udev reads lines of at most 16 kB (src/udev/udev-rules.c UDEV_LINE_SIZE). */
const ADDRESSES_A_LINE = 64;
const INTERFACE_NAME_MAX = 15;

function fileOf(kind: 'nm-unmanaged' | 'pf-name' | 'representors', pf: string): string {
  const number = kind === 'representors' ? 20 : 10;
  return `${FOLDER}/${number}-vfleet-${kind}-${pf}.rules`;
}

/** Rules files of the PFs that are configured, and the removal of those that an earlier configuration left. */
export function udevRules(pfs: readonly UdevPf[], present: readonly string[]): readonly FileChange[] {
  const wanted = pfs.flatMap(rulesOf);
  const paths = new Set(wanted.map(({ path }) => path));
  const stale = present.filter((name) => /^[12]0-vfleet-(?:nm-unmanaged|pf-name|representors)-.*\.rules$/.test(name)).map((name) => ({ path: `${FOLDER}/${name}` })).filter(({ path }) => !paths.has(path));
  return [...wanted, ...stale];
}

export const UDEV_RULES_FOLDER = FOLDER;

function rulesOf(pf: UdevPf): readonly FileChange[] {
  const { pciAddress, name, vfAddresses, representors } = pf;
  const rules: FileChange[] = vfAddresses.length === 0 ? [] : [{ path: fileOf('nm-unmanaged', pciAddress), text: unmanagedRules(vfAddresses) }];
  // An interface with a name that udev could not write into a rule keeps the kernel's names around it.
  if (representors === undefined || !isPlainName(name) || !/^[0-9a-f]{2,64}$/.test(representors.switchId)) return rules;
  return [
    ...rules,
    { path: fileOf('pf-name', pciAddress), text: `${HEAD}SUBSYSTEM=="net", ACTION=="add", KERNELS=="${pciAddress}", ATTR{phys_port_name}=="p[0-9]*", NAME="${name}"\n` },
    { path: fileOf('representors', pciAddress), text: representorRules(name, vfAddresses.length, representors) },
  ];
}

const HEAD = '# Written by vfleet; changes are overwritten.\n';

/** A VF belongs to pods: NetworkManager must not bring it up, give it addresses, or take it down. */
function unmanagedRules(addresses: readonly PciAddress[]): string {
  const lines: string[] = [];
  for (let at = 0; at < addresses.length; at += ADDRESSES_A_LINE) {
    lines.push(`SUBSYSTEM=="net", ACTION=="add|change|move", KERNELS=="${addresses.slice(at, at + ADDRESSES_A_LINE).join('|')}", ENV{NM_UNMANAGED}="1"\n`);
  }
  return HEAD + lines.join('');
}

/** `<pf>_<n>`: a rule for each VF, so that no program has to cut the number out of the port's name. */
function representorRules(pf: string, vfs: number, { pfNumber, switchId }: NonNullable<UdevPf['representors']>): string {
  const rule = (index: number) =>
    `SUBSYSTEM=="net", ACTION=="add|move", ATTR{phys_switch_id}=="${switchId}", ATTR{phys_port_name}=="pf${pfNumber}vf${index}|c[0-9]*pf${pfNumber}vf${index}", NAME="${representorName(pf, index)}"\n`;
  return HEAD + Array.from({ length: vfs }, (_, index) => rule(index)).join('');
}

/** Without the port's part where the name would be too long. */
function representorName(pf: string, index: number): string {
  const full = `${pf}_${index}`;
  return full.length <= INTERFACE_NAME_MAX ? full : `${pf.replace(/np\d+$/, '')}_${index}`;
}

function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_.-]{1,15}$/.test(name);
}
