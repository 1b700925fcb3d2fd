import { ok, parseJson } from '@vfleet/core';
import type { AttachFailure, Files, Result } from '@vfleet/core';
import { filesFailure } from '../cni/failure.ts';
import { asObject, field } from '../json/fields.ts';

/** Where Multus keeps networks of one node (its `cniDir` and `confDir`): a definition without a config is found here by its name. */
export const NODE_NETWORKS_FOLDER = '/etc/cni/multus/net.d';

/** Endings that libcni's ConfFiles takes for configurations. */
const ENDINGS = ['.conf', '.conflist', '.json'];

/**
 * The configuration of a network by its "name", from the first of the folder's files, in the order of their names, that has it. What is no
 * JSON is passed over: the file may be another network's. Undefined when the node has none of that name.
 */
export async function nodeNetworkConfig(files: Pick<Files, 'list' | 'read'>, name: string, folder: string = NODE_NETWORKS_FOLDER): Promise<Result<string | undefined, AttachFailure>> {
  const listed = await files.list(folder);
  if (!listed.ok) return listed.error.code === 'notFound' ? ok(undefined) : filesFailure(listed.error);
  for (const file of listed.value.filter((one) => ENDINGS.some((ending) => one.endsWith(ending))).toSorted()) {
    const text = await files.read(`${folder}/${file}`);
    if (!text.ok) {
      if (text.error.code === 'notFound') continue;
      return filesFailure(text.error);
    }
    const parsed = parseJson(text.value);
    const config = parsed.ok ? asObject(parsed.value) : undefined;
    if (config !== undefined && field(config, 'name') === name) return ok(text.value);
  }
  return ok(undefined);
}
