import type { CelLibrary, Environment } from '../library.ts';
import { compareCel } from './lists.ts';

type Identifier = string | bigint;

/** A version by semver.org, 2.0.0. */
class Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly Identifier[];

  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly Identifier[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }

  equals(other: unknown): boolean {
    return other instanceof Version && compareVersions(this, other) === 0;
  }
}

/** Semantic versions (apiserver pkg/cel/library/semverlib.go, version 1). */
export function registerVersions(environment: Environment, library: CelLibrary): void {
  const type = 'kubernetes.Semver';
  const semver = (text: string, normalize = false) => {
    const parsed = parseVersion(normalize ? normalized(text) : text);
    if (parsed === undefined) throw new library.EvaluationError(`semver parse error during conversion from string: Invalid character(s) found in version "${text}"`);
    return parsed;
  };
  environment.registerType(type, Version);
  environment.registerOperator(`${type} == ${type}`, (a: Version, b: Version) => a.equals(b));
  environment.registerFunction('isSemver(string): bool', (text: string) => parseVersion(text) !== undefined);
  environment.registerFunction('isSemver(string, bool): bool', (text: string, normalize: boolean) => parseVersion(normalize ? normalized(text) : text) !== undefined);
  environment.registerFunction(`semver(string): ${type}`, (text: string) => semver(text));
  environment.registerFunction(`semver(string, bool): ${type}`, semver);
  environment.registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: Version, b: Version) => compareVersions(a, b) > 0);
  environment.registerFunction(`${type}.isLessThan(${type}): bool`, (a: Version, b: Version) => compareVersions(a, b) < 0);
  environment.registerFunction(`${type}.compareTo(${type}): int`, (a: Version, b: Version) => BigInt(compareVersions(a, b)));
  for (const [index, part] of ['major', 'minor', 'patch'].entries()) {
    environment.registerFunction(`${type}.${part}(): int`, ({ numbers }: Version) => numbers[index]!);
  }
}

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const identifiers = match[4]?.split('.') ?? [];
  if (identifiers.some((identifier) => /^0\d+$/.test(identifier))) return undefined;
  return new Version([BigInt(match[1]!), BigInt(match[2]!), BigInt(match[3]!)], identifiers.map((identifier) => (/^\d+$/.test(identifier) ? BigInt(identifier) : identifier)));
}

/** Takes a leading v away, leading zeros too, and adds the parts that are missing. */
function normalized(text: string): string {
  const match = /^v?(\d+(?:\.\d+){0,2})(.*)$/.exec(text.trim());
  if (match === null) return text;
  const parts = match[1]!.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  return [...parts, '0', '0'].slice(0, 3).join('.') + match[2]!;
}

function compareVersions(a: Version, b: Version): number {
  for (let index = 0; index < 3; index++) {
    const order = compareCel(a.numbers[index], b.numbers[index]);
    if (order !== 0) return order;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return compareCel(b.prerelease.length, a.prerelease.length) === 0 ? 0 : a.prerelease.length === 0 ? 1 : -1;
  for (let index = 0; index < Math.min(a.prerelease.length, b.prerelease.length); index++) {
    const order = compareIdentifiers(a.prerelease[index]!, b.prerelease[index]!);
    if (order !== 0) return order;
  }
  return compareCel(a.prerelease.length, b.prerelease.length);
}

/** Numbers come before words. */
function compareIdentifiers(a: Identifier, b: Identifier): number {
  return typeof a === typeof b ? compareCel(a, b) : typeof a === 'bigint' ? -1 : 1;
}
