/**
 * Compares resourceVersions of one resource type: negative when `a` is older. They are unsigned decimal numbers of up to 64 bits
 * (KEP-5504), so the longer is the larger and equal lengths compare as text; nothing is parsed.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `version` is newer than `known`; anything is newer than nothing. */
export function isNewer(version: string, known: string | undefined): boolean {
  return known === undefined || compareResourceVersions(version, known) > 0;
}
