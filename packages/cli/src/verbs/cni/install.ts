import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CliFailure } from '../../failure.ts';
import { CONFIGURATION, KEPT_SUFFIX, PLUGIN_NAMES, isOurs } from './node-folders.ts';
import type { CniFolders } from './node-folders.ts';
import { wrappedNetwork } from './wrapped-network.ts';

/** Gives a line for each thing that was done. */
export async function installCni({ root, bin, conf }: CniFolders, from: string, clusterNetwork: 'wrap' | 'leave'): Promise<readonly string[]> {
  const done: string[] = [];
  const executable = await readFile(from).catch((error: unknown): never => {
    throw new CliFailure(`the executable cannot be read: ${error instanceof Error ? error.message : String(error)}`, 'Give --from the native executable (node tools/build-shim.ts builds it).');
  });
  if (!isOurs(executable)) throw new CliFailure(`${from} is not the CNI executable of vfleet`, 'Give --from the native executable (node tools/build-shim.ts builds it).');
  await mkdir(root + bin, { recursive: true });
  for (const name of PLUGIN_NAMES) {
    const path = root + join(bin, name);
    const present = await readIfThere(path);
    if (present?.equals(executable) === true) continue;
    if (present !== undefined && !isOurs(present)) {
      await rename(path, path + KEPT_SUFFIX);
      done.push(`${join(bin, name)} was somebody else's, and is kept as ${name}${KEPT_SUFFIX}`);
    }
    await replace(path, executable, 0o755);
    done.push(`installed ${join(bin, name)}`);
  }
  if (clusterNetwork === 'wrap') done.push(...(await wrap(root, conf)));
  return done;
}

async function wrap(root: string, conf: string): Promise<readonly string[]> {
  const names = await readdir(root + conf).catch(() => []);
  // In the order and of the kinds that libcni reads (ConfFiles).
  const name = names.filter((one) => /\.(?:conf|conflist|json)$/.test(one) && one !== CONFIGURATION).toSorted()[0];
  if (name === undefined) throw new CliFailure(`there is no network in ${conf} that vfleet could be in front of`, 'Install the cluster\'s network first; this is tried again.');
  const wrapped = wrappedNetwork(await readFile(root + join(conf, name), 'utf8'));
  if (!wrapped.ok) throw new CliFailure(`${join(conf, name)} cannot be wrapped: ${wrapped.error}`, 'Correct it; or, with Multus, install vfleet without --cluster-network=wrap.');
  const path = root + join(conf, CONFIGURATION);
  const bytes = Buffer.from(wrapped.value);
  if ((await readIfThere(path))?.equals(bytes) === true) return [];
  await replace(path, bytes, 0o600);
  return [`${join(conf, CONFIGURATION)} is in front of ${name}`];
}

/** Whoever executes or reads the file sees the old one or the new one, also after a crash. */
async function replace(path: string, bytes: Buffer, mode: number): Promise<void> {
  const temporary = `${path}.vfleet-new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
