import { existsSync, writeFileSync } from 'node:fs';
import { RigProblem } from './rig-problem.ts';
import { has, run } from './run.ts';

interface Need {
  readonly program: string;
  readonly debianPackage: string;
}

/** What the rig needs of the host. QEMU has the igb model since 8.0, so Debian 12 takes it from its backports. */
const NEEDS: readonly Need[] = [
  { program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
  { program: 'busybox', debianPackage: 'busybox-static' },
  { program: 'modprobe', debianPackage: 'kmod' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'xz', debianPackage: 'xz-utils' },
  { program: '/usr/lib/cni/dhcp', debianPackage: 'containernetworking-plugins' },
];

const QEMU_MAJOR_MIN = 8;
const BACKPORTS_FILE = '/etc/apt/sources.list.d/vfleet-backports.sources';

/** Which packages are missing, and whether QEMU is too old. */
export function missingPackages(): readonly string[] {
  const missing = NEEDS.filter(({ program }) => !has(program)).map(({ debianPackage }) => debianPackage);
  return !missing.includes('qemu-system-x86') && qemuMajor() < QEMU_MAJOR_MIN ? [...missing, 'qemu-system-x86'] : missing;
}

export function missingPackagesProblem(missing: readonly string[]): RigProblem {
  return new RigProblem(
    `these Debian packages are missing: ${missing.join(', ')}${missing.includes('qemu-system-x86') ? ` (QEMU ${QEMU_MAJOR_MIN} or newer: on Debian 12 from bookworm-backports)` : ''}`,
    'Install them with apt-get as root, or let `npm run test:kernel -- --ensure` do it (it adds bookworm-backports to the sources of apt where QEMU is older).',
  );
}

/** Installs what is missing with apt-get. Only on request, and only as root. */
export function installPackages(missing: readonly string[]): void {
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw missingPackagesProblem(missing);
  if (!has('apt-get')) throw new RigProblem('this is no Debian: there is no apt-get', `Install by this system's own means: ${missing.join(', ')}.`);
  run('apt-get', ['update', '-q'], { shown: true });
  const fromBackports = missing.includes('qemu-system-x86') && candidateMajor('qemu-system-x86') < QEMU_MAJOR_MIN;
  if (fromBackports) {
    if (!existsSync(BACKPORTS_FILE)) {
      writeFileSync(BACKPORTS_FILE, 'Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n');
    }
    run('apt-get', ['update', '-q'], { shown: true });
  }
  const plain = missing.filter((name) => !(fromBackports && name === 'qemu-system-x86'));
  // Another installation under way on this machine is waited for.
  const options = ['-o', 'DPkg::Lock::Timeout=600', 'install', '-y', '-q', '--no-install-recommends'];
  if (plain.length > 0) run('apt-get', [...options, ...plain], { shown: true });
  if (fromBackports) run('apt-get', [...options, '-t', 'bookworm-backports', 'qemu-system-x86'], { shown: true });
}

function qemuMajor(): number {
  return Number(/version (\d+)\./.exec(run('qemu-system-x86_64', ['--version']))?.[1] ?? 0);
}

function candidateMajor(name: string): number {
  return Number(/Candidate: (?:\d+:)?(\d+)\./.exec(run('apt-cache', ['policy', name]))?.[1] ?? 0);
}
