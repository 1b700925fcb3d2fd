/** What the daemon does to a node, see with-rights.ts. */
export type Deed = 'inventory' | 'numbersOfVfs' | 'drivers' | 'settingsOfVfs' | 'features' | 'pods' | 'announcements' | 'holders' | 'programsOfTheHost' | 'modules';

/** By capabilities, under the names that they have in Kubernetes: what cannot be done without it, and nothing else. */
export const lostWithout = {
  NET_ADMIN: ['settingsOfVfs', 'features', 'pods'],
  SYS_ADMIN: ['pods'],
  SYS_CHROOT: ['programsOfTheHost', 'modules'],
  NET_RAW: ['announcements'],
  SYS_MODULE: ['modules'],
  SYS_PTRACE: ['holders'],
  DAC_READ_SEARCH: ['holders'],
} as const satisfies Readonly<Record<string, readonly Deed[]>>;
