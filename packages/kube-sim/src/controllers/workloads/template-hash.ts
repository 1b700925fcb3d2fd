import { SUFFIX_ALPHABET } from '@vfleet/core';

/**
 * A short name for a pod template: equal templates, equal names. The form is the real one's (FNV-1a of 32 bits in the alphabet of generated names);
 * the value is not, since that hashes Go's memory layout.
 */
export function templateHash(template: unknown): string {
  const text = canonical(template);
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return [...String(hash >>> 0)].map((digit) => SUFFIX_ALPHABET[Number(digit)]!).join('');
}

/** JSON with sorted keys: a template that went through another encoder is the same template. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, part]) => part !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join(',')}}`;
}
