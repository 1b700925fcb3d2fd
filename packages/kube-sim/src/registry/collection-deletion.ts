import { isKubeError } from '@vfleet/core';
import type { DeleteOptions, ListPage } from '@vfleet/core';
import type { ApiObject } from '../values/json.ts';
import type { Core, Target } from './core.ts';
import { deleteObject } from './deletion.ts';
import { listObjects } from './reading.ts';
import type { ReadOptions } from './reading.ts';
import type { RequestContext } from './request.ts';

/** DELETE of a collection: everything the selectors find, one by one. What goes meanwhile is no error. */
export async function deleteCollection(core: Core, target: Target, selection: ReadOptions, options: DeleteOptions, context: RequestContext): Promise<ListPage<ApiObject>> {
  const page = listObjects(core, target, selection);
  for (const { metadata } of page.items) {
    try {
      await deleteObject(core, { ...target, name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) }, options, context);
    } catch (error) {
      if (!isKubeError(error, 'NotFound')) throw error;
    }
  }
  return page;
}
