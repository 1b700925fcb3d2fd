import type { JsonObject } from '../../values/json.ts';
import { coreDefaults } from './core.ts';
import { podDefaults } from './pod.ts';
import { workloadDefaults } from './workloads.ts';

/** Fills in what a value of one published type lacks. Gets frozen values whose own parts have been filled in before. */
export type Defaulter = (value: JsonObject) => JsonObject;

/** Defaults by published definition, as the SetDefaults functions of kubernetes pkg/apis have them. */
export const typeDefaults: ReadonlyMap<string, Defaulter> = new Map(Object.entries({ ...coreDefaults, ...podDefaults, ...workloadDefaults }));
