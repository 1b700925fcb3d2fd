import { BOOT_CONFIGURATION_FILE, BOOT_PHASES } from '@vfleet/core';
import type { BootPhase } from '@vfleet/core';
import type { FileChange } from './file-changes.ts';

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
  /** Text of {@link BOOT_CONFIGURATION_FILE}; left out where somebody else keeps it. */
  readonly configuration?: string;
  /** Where the runs at boot keep their journal, if not where a person's runs do. */
  readonly stateFolder?: string;
}

/** The unit files and what they work on, or their removal with the links that enable them; a configuration that is there stays. */
export function unitFiles(services: BootServices | undefined): readonly FileChange[] {
  if (services === undefined) return BOOT_PHASES.flatMap((phase) => [{ path: `${FOLDER}/multi-user.target.wants/${NAMES[phase]}` }, { path: `${FOLDER}/${NAMES[phase]}` }]);
  const { executable, configuration, stateFolder } = services;
  const words = (phase: BootPhase) => [...executable, 'host', 'boot', phase, ...(stateFolder === undefined ? [] : ['--state-folder', stateFolder])];
  const units = BOOT_PHASES.map((phase) => ({ path: `${FOLDER}/${NAMES[phase]}`, text: unitText(phase, words(phase)) }));
  return configuration === undefined ? units : [...units, { path: BOOT_CONFIGURATION_FILE, text: configuration }];
}

function unitText(phase: BootPhase, words: readonly string[]): string {
  return [
    '# Written by vfleet; changes are overwritten.',
    '[Unit]',
    `Description=vfleet: SR-IOV NICs, ${phase === 'pre-network' ? 'physical functions before' : 'virtual functions after'} the network`,
    ...ORDER[phase],
    `ConditionPathExists=${BOOT_CONFIGURATION_FILE}`,
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=${words.map(unitWord).join(' ')}`,
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
