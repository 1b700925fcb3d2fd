import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Where `vfleet up` keeps its kubeconfig, certificates and token: `$VFLEET_HOME`, else `~/.vfleet`, else a folder of this user in the temporary one. */
export function vfleetHome(environment: Readonly<Record<string, string | undefined>>): string {
  const wanted = environment['VFLEET_HOME'] ?? join(homedir(), '.vfleet');
  try {
    return privateFolder(wanted);
  } catch {
    // A read-only home, as CI has it.
    return privateFolder(join(tmpdir(), `vfleet-${userInfo().uid}`));
  }
}

/** A folder that only this user can look into. */
export function privateFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

/** The kubeconfig that a verb talks to: `--kubeconfig`, `$KUBECONFIG`, the embedded cluster's, kubectl's default, in that order. */
export function kubeconfigPath(explicit: string | undefined, environment: Readonly<Record<string, string | undefined>>): string {
  if (explicit !== undefined) return explicit;
  const fromEnvironment = environment['KUBECONFIG']?.split(':').find((path) => path !== '');
  if (fromEnvironment !== undefined) return fromEnvironment;
  const embedded = join(vfleetHome(environment), 'kubeconfig');
  return existsSync(embedded) ? embedded : join(homedir(), '.kube', 'config');
}
