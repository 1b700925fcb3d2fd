import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder, readKernel } from './kernel-image.ts';
import type { KernelImage } from './kernel-image.ts';
import { RigProblem } from './rig-problem.ts';
import { has, run } from './run.ts';

/**
 * Linux 6.12 with netdevsim, a driver without hardware that has real devlink, an eswitch and representors. Debian's kernel is without it,
 * so the module is built from Debian's own source of that kernel, against Debian's headers: half a minute with the next, once.
 */
const SERIES = '6.12';
const PREFIX = `kernel-${SERIES}-netdevsim-rxe-`;

/**
 * The RDMA core moves only devices whose driver can make its users let go, and of those in software none can in this kernel. A test that has
 * no users to let go needs no more than that the driver says so: rxe is built with a callback that does nothing. Below the folder of modules, and
 * not found by modprobe, which goes on loading Debian's own.
 */
export const MOVABLE_RXE = 'movable/rdma_rxe.ko';
const RXE_OPERATIONS = 'static const struct ib_device_ops rxe_dev_ops = {';

/** What building takes, beside what the rig takes anyway. */
export const BUILD_PACKAGES: readonly string[] = ['gcc-12', 'make', 'binutils'];

export function missingBuildPackages(): readonly string[] {
  return BUILD_PACKAGES.filter((name) => !has({ binutils: 'strip' }[name] ?? name));
}

/** The kernel from the cache; undefined when there is none yet. */
export function findNetdevsimKernel(): KernelImage | undefined {
  const cache = cacheFolder();
  const names = (existsSync(cache) ? readdirSync(cache) : []).filter((name) => name.startsWith(PREFIX)).sort();
  for (const name of names.reverse()) {
    const kernel = readKernel(join(cache, name));
    if (kernel !== undefined) return kernel;
  }
  return undefined;
}

export function missingNetdevsimProblem(): RigProblem {
  return new RigProblem(
    `there is no Linux ${SERIES} kernel with netdevsim in ${cacheFolder()}`,
    '`npm run test:kernel -- --machine netdevsim --ensure` downloads Debian’s packages of it (280 MB), unpacks them and builds two modules; nothing of it is installed.',
  );
}

/** Downloads, unpacks and builds, in a folder of its own: another run may do the same at the same time. */
export function buildNetdevsimKernel(): KernelImage {
  const known = findNetdevsimKernel();
  if (known !== undefined) return known;
  const lacking = missingBuildPackages();
  if (lacking.length > 0) throw new RigProblem(`netdevsim cannot be built without ${lacking.join(', ')}`, `Install ${lacking.join(' ')} with apt-get as root, or let --ensure do it.`);
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), 'new-netdevsim-'));
  try {
    return build(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function build(work: string): KernelImage {
  const version = newestVersion();
  const [root, source] = [join(work, 'root'), join(work, 'source')];
  for (const folder of [root, source]) mkdirSync(folder);
  const packages = [`linux-image-${version}-amd64-unsigned`, `linux-headers-${version}-amd64`, `linux-headers-${version}-common`, `linux-kbuild-${version}`, `linux-source-${SERIES}`];
  run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...packages], { cwd: work, shown: true });
  for (const archive of readdirSync(work).filter((name) => name.endsWith('.deb'))) run('dpkg-deb', ['-x', archive, root], { cwd: work });
  run('tar', ['-x', '-J', '-f', join(root, `usr/src/linux-source-${SERIES}.tar.xz`), '-C', source, '--strip-components=1', '--wildcards', '*/drivers/net/netdevsim/*', '*/drivers/infiniband/sw/rxe/*']);
  const headers = prepareHeaders(join(root, 'usr/src'), version);
  const module = compile(headers, join(source, 'drivers/net/netdevsim'), 'netdevsim.ko', ['CONFIG_NETDEVSIM=m', 'CONFIG_PSAMPLE=m']);
  const rxe = join(source, 'drivers/infiniband/sw/rxe');
  letRxeMove(join(rxe, 'rxe_verbs.c'));
  const movable = compile(headers, rxe, 'rdma_rxe.ko', ['CONFIG_RDMA_RXE=m']);
  const target = join(work, 'kernel');
  renameParts(root, target);
  const modules = join(target, 'lib/modules', `${version}-amd64`);
  mkdirSync(join(modules, 'extra'));
  run('strip', ['--strip-debug', '-o', join(modules, 'extra/netdevsim.ko'), module]);
  run('depmod', ['-b', target, `${version}-amd64`]);
  mkdirSync(dirname(join(modules, MOVABLE_RXE)));
  run('strip', ['--strip-debug', '-o', join(modules, MOVABLE_RXE), movable]);
  const place = join(cacheFolder(), `${PREFIX}${version}`);
  if (readKernel(place) === undefined) {
    rmSync(place, { recursive: true, force: true });
    renameSync(target, place);
  }
  return readKernel(place)!;
}

/** The headers' Makefile names the place where the package would be installed. */
function prepareHeaders(sources: string, version: string): string {
  const headers = join(sources, `linux-headers-${version}-amd64`);
  const makefile = join(headers, 'Makefile');
  writeFileSync(makefile, readFileSync(makefile, 'utf8').replace(/^include \/usr\/src\//m, `include ${sources}/`));
  return headers;
}

function compile(headers: string, folder: string, module: string, configuration: readonly string[]): string {
  run('make', ['-s', '-j', String(availableParallelism()), '-C', headers, `M=${folder}`, ...configuration, 'CONFIG_DEBUG_INFO_BTF_MODULES=', 'modules'], { shown: true });
  return join(folder, module);
}

function letRxeMove(file: string): void {
  const source = readFileSync(file, 'utf8');
  if (!source.includes(RXE_OPERATIONS)) throw new RigProblem('the source of rxe is another than this rig knows', `Look for its struct ib_device_ops in ${SERIES}, and mend RXE_OPERATIONS.`);
  if (source.includes('.disassociate_ucontext')) return;
  const callback = 'static void let_go(struct ib_ucontext *context) {}';
  writeFileSync(file, source.replace(RXE_OPERATIONS, `${callback}\n\n${RXE_OPERATIONS}\n\t.disassociate_ucontext = let_go,`));
}

/** Only what a boot needs is kept. */
function renameParts(root: string, target: string): void {
  mkdirSync(join(target, 'lib'), { recursive: true });
  renameSync(join(root, 'boot'), join(target, 'boot'));
  renameSync(join(root, existsSync(join(root, 'lib/modules')) ? 'lib/modules' : 'usr/lib/modules'), join(target, 'lib/modules'));
}

/** As in `6.12.107+deb12`. */
function newestVersion(): string {
  const pattern = `^linux-headers-${SERIES.replaceAll('.', '\\.')}\\.[0-9]+\\+deb12-amd64$`;
  const offered = [...run('apt-cache', ['search', '--names-only', pattern]).matchAll(/^linux-headers-(\S+)-amd64 /gm)].map((match) => match[1]!);
  const patch = (version: string) => Number(/^\d+\.\d+\.(\d+)/.exec(version)![1]);
  const newest = offered.sort((a, b) => patch(a) - patch(b)).at(-1);
  if (newest === undefined) throw new RigProblem(`apt knows no package linux-headers-${SERIES}.*+deb12-amd64`, 'Run `apt-get update`; Debian 12 has it in bookworm-security and bookworm-backports.');
  return newest;
}
