import type { Theme } from '../case.ts';
import { access } from './access.ts';
import { applying } from './applying.ts';
import { compaction } from './compaction.ts';
import { config } from './config.ts';
import { customResources } from './custom-resources.ts';
import { definitionsTheme } from './definitions.ts';
import { deleting } from './deleting.ts';
import { discovery } from './discovery.ts';
import { evolution } from './evolution.ts';
import { fieldValidation } from './field-validation.ts';
import { metadataTheme } from './metadata.ts';
import { objects } from './objects.ts';
import { paging } from './paging.ts';
import { patches } from './patches.ts';
import { podLife } from './pod-life.ts';
import { podCreation } from './pods.ts';
import { printing } from './printing.ts';
import { projectKinds } from './project-kinds.ts';
import { selecting } from './selecting.ts';
import { statuses } from './statuses.ts';
import { subresources } from './subresources.ts';
import { watching } from './watching.ts';
import { webhooks } from './webhooks.ts';
import { workloads } from './workloads.ts';

/** All cases, a theme a file. */
export const themes: readonly Theme[] = [
  discovery, objects, statuses, metadataTheme, fieldValidation, patches, applying, selecting, paging, watching, deleting,
  config, podCreation, podLife, subresources, workloads, printing, access, definitionsTheme, customResources, evolution, projectKinds, webhooks, compaction,
];
