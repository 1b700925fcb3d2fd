import type { FileChange } from './file-changes.ts';

/** When one of the two services runs: PFs get their VFs before the network is set up, VFs their settings after it. */
export type BootPhase = 'pre-network' | 'post-network';

export const BOOT_PHASES: readonly BootPhase[] = ['pre-network', 'post-network'];

/** Where the daemon leaves what is wanted, and where the services leave what became of it (configurationMode systemd of the contract). */
export const CONFIGURATION_FILE = '/etc/sriov-operator/sriov-interface-config.yaml';
export const RESULT_FILE = '/etc/sriov-operator/sriov-interface-result.yaml';

const FOLDER = '/etc/systemd/system';
const NAMES: Readonly<Record<BootPhase, string>> = { 'pre-network': 'vfleet-pre-network.service', 'post-network': 'vfleet-post-network.service' };

export function unitName(phase: BootPhase): string {
  return NAMES[phase];
}

/** Names of services of `systemctl enable`. */
export const UNIT_NAMES: readonly string[] = BOOT_PHASES.map(unitName);

/** What the services at boot are made of. */
export interface BootServices {
  /** Absolute path of vfleet and the words before its verb. */
  readonly executable: readonly string[];
  /** Text of {@link CONFIGURATION_FILE}. */
  readonly configuration: string;
}

/** The unit files and what they work on, or their removal with the links that enable them; a configuration that is there stays. */
export function unitFiles(services: BootServices | undefined): readonly FileChange[] {
  if (services === undefined) return BOOT_PHASES.flatMap((phase) => [{ path: `${FOLDER}/multi-user.target.wants/${NAMES[phase]}` }, { path: `${FOLDER}/${NAMES[phase]}` }]);
  return [...BOOT_PHASES.map((phase) => ({ path: `${FOLDER}/${NAMES[phase]}`, text: unitText(phase, services.executable) })), { path: CONFIGURATION_FILE, text: services.configuration }];
}

function unitText(phase: BootPhase, executable: readonly string[]): string {
  return [
    '# Written by vfleet; changes are overwritten.',
    '[Unit]',
    `Description=vfleet: SR-IOV NICs, ${phase === 'pre-network' ? 'physical functions before' : 'virtual functions after'} the network`,
    ...ORDER[phase],
    `ConditionPathExists=${CONFIGURATION_FILE}`,
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=${[...executable, 'host', 'boot', phase].map(unitWord).join(' ')}`,
    'RemainAfterExit=yes',
    'TimeoutStartSec=15min',
    'StandardOutput=journal',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

/** network-pre.target is for whoever comes before the network (systemd.special(7)); pods come with kubelet and CRI-O. */
const ORDER: Readonly<Record<BootPhase, readonly string[]>> = {
  'pre-network': ['DefaultDependencies=no', 'After=systemd-udev-settle.service local-fs.target systemd-modules-load.service', 'Before=network-pre.target', 'Wants=network-pre.target'],
  'post-network': [`Requires=${NAMES['pre-network']}`, `After=${NAMES['pre-network']} network-online.target`, 'Wants=network-online.target', 'Before=kubelet.service crio.service containerd.service'],
};

/** Quoted for systemd (systemd.syntax(7)); `%` and `$` would be expanded. */
function unitWord(word: string): string {
  const safe = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(safe) ? safe : `"${safe.replaceAll(/[\\"]/g, (one) => `\\${one}`)}"`;
}
