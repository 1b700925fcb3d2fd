import { isJsonObject, networkAttachmentAnnotations, parseJson } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import { asObject } from '../../json/fields.ts';
import { own } from '../../json/own.ts';

/** What a cluster sets about the injector: the ConfigMap `nri-control-switches` of today's users, key `config.json`. */
export interface InjectorSwitches {
  /** Huge pages that a container asks for are shown to it as files of the downward API. */
  readonly hugePageDownwardApi: boolean;
  /** Adds to what containers ask for already, instead of leaving such resources alone. */
  readonly honourExistingResources: boolean;
  /** Annotations of networks that name a resource. */
  readonly resourceNameKeys: readonly string[];
  /** Annotations for pods that have the label, as a key, with the value "true". */
  readonly annotationsByLabel: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export const defaultSwitches: InjectorSwitches = {
  hugePageDownwardApi: false,
  honourExistingResources: false,
  resourceNameKeys: [networkAttachmentAnnotations.resourceName],
  annotationsByLabel: new Map(),
};

/** Reads `config.json`. What cannot be read keeps its default, and is said in a sentence. */
export function parseSwitches(text: string | undefined): { readonly switches: InjectorSwitches; readonly problems: readonly string[] } {
  if (text === undefined) return { switches: defaultSwitches, problems: [] };
  const parsed = parseJson(text);
  if (!parsed.ok) return { switches: defaultSwitches, problems: [`config.json is not JSON: line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.cause}`] };
  const config = asObject(parsed.value);
  if (config === undefined) return { switches: defaultSwitches, problems: ['config.json must be an object'] };
  const problems: string[] = [];
  const features = asObject(own(config, 'features'));
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = own(features, name);
    if (value === undefined || typeof value === 'boolean') return value ?? otherwise;
    problems.push(`features.${name} must be true or false`);
    return otherwise;
  };
  return {
    switches: {
      hugePageDownwardApi: flag('enableHugePageDownApi', defaultSwitches.hugePageDownwardApi),
      honourExistingResources: flag('enableHonorExistingResources', defaultSwitches.honourExistingResources),
      resourceNameKeys: resourceNameKeys(own(config, 'networkResourceNameKeys'), problems),
      annotationsByLabel: annotationsByLabel(own(config, 'user-defined-injections'), problems),
    },
    problems,
  };
}

function resourceNameKeys(value: JsonValue | undefined, problems: string[]): readonly string[] {
  if (value === undefined) return defaultSwitches.resourceNameKeys;
  if (Array.isArray(value) && value.length > 0 && value.every((key): key is string => typeof key === 'string' && key !== '')) return value;
  problems.push('networkResourceNameKeys must be a list of names of annotations');
  return defaultSwitches.resourceNameKeys;
}

function annotationsByLabel(value: JsonValue | undefined, problems: string[]): InjectorSwitches['annotationsByLabel'] {
  const byLabel = new Map<string, ReadonlyMap<string, string>>();
  if (value === undefined) return byLabel;
  if (!isJsonObject(value)) {
    problems.push('user-defined-injections must be an object: label → {"op": "add", "path": "/metadata/annotations", "value": {…}}');
    return byLabel;
  }
  for (const [label, injection] of Object.entries(value)) {
    const annotations = asObject(own(asObject(injection), 'value'));
    const isForAnnotations = own(asObject(injection), 'path') === '/metadata/annotations';
    if (isForAnnotations && annotations !== undefined && Object.values(annotations).every((text) => typeof text === 'string')) {
      byLabel.set(label, new Map(Object.entries(annotations).map(([key, text]) => [key, String(text)])));
    } else problems.push(`user-defined-injections.${label}: only "path": "/metadata/annotations" with a value of texts can be injected`);
  }
  return byLabel;
}
