import type { LogLevel } from '@vfleet/core';
import type { SriovOperatorConfig } from '@vfleet/kube';
import type { OperatorContext } from './context.ts';
import { CONFIG_NAME } from './fleet-model.ts';

/** `logLevel` of a SriovOperatorConfig: 0 and 1 are what an operator says of its work, 2 is all. Undefined where it is not set. */
export function logLevelOf({ logLevel }: SriovOperatorConfig['spec']): LogLevel | undefined {
  if (logLevel === undefined) return undefined;
  return logLevel >= 2 ? 'debug' : 'info';
}

/** Tells of the level that the configuration `default` asks for, when it is first seen and on each change. */
export function followLogLevel({ informers }: OperatorContext, told: (level: LogLevel | undefined) => void): void {
  let before: LogLevel | undefined;
  const seen = (name: string, level: LogLevel | undefined) => {
    if (name !== CONFIG_NAME || level === before) return;
    before = level;
    told(level);
  };
  informers.configs.subscribe({
    added: ({ metadata, spec }) => seen(metadata.name, logLevelOf(spec)),
    updated: (_, { metadata, spec }) => seen(metadata.name, logLevelOf(spec)),
    deleted: ({ metadata }) => seen(metadata.name, undefined),
  });
}
