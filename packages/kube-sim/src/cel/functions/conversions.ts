import { rfc3339 } from '@vfleet/core';
import type { CelLibrary, Environment } from '../library.ts';

const DURATION = 'google.protobuf.Duration';
const TIMESTAMP = 'google.protobuf.Timestamp';

/** Conversions of CEL's standard library that the package has not. */
export function registerConversions(environment: Environment, _library: CelLibrary): void {
  environment.registerFunction('int(uint): int', (value: { valueOf(): bigint }) => value.valueOf());
  environment.registerFunction(`int(${TIMESTAMP}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1000)));
  environment.registerFunction(`string(${TIMESTAMP}): string`, (time: Date) => (time.getTime() % 1000 === 0 ? rfc3339(time.getTime()) : time.toISOString().replace(/0+Z$/, 'Z')));
  environment.registerFunction(`string(${DURATION}): string`, String);
  environment.registerFunction(`duration(${DURATION}): ${DURATION}`, (value: unknown) => value);
  environment.registerFunction(`timestamp(${TIMESTAMP}): ${TIMESTAMP}`, (value: unknown) => value);
}
