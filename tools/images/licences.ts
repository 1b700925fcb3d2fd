import { BASE } from './base-packages.ts';
import type { BasePackage } from './base-packages.ts';
import type { NpmPackage } from './npm-packages.ts';

const RULE = `${'-'.repeat(80)}\n`;

/** Who wrote what is in the image and under which terms: a table, then the texts. Those of Debian's packages and of the runtime are files of the image. */
export function licenceReport(own: string, npm: readonly NpmPackage[], base: readonly BasePackage[]): string {
  const rows = [
    ...npm.map(({ name, version, licence }) => [name, version, licence] as const),
    ...base.map(({ name, version }) => [name, version, `${BASE[name].licence} (/usr/share/doc/${name}/copyright)`] as const),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map(([name, version, licence]) => `${name.padEnd(widths[0]!)}  ${version.padEnd(widths[1]!)}  ${licence}\n`).join('');
  const texts = npm.flatMap(({ name, version, licenceTexts }) => (name.startsWith('node-linux-') ? [`${RULE}${name} ${version}: see /usr/share/doc/nodejs/copyright\n`] : licenceTexts.map((text) => `${RULE}${name} ${version}\n\n${text.trim()}\n`)));
  return `vfleet is under the Apache License 2.0, which is at the end. The image has code of others:\n\n${table}\n${texts.join('\n')}\n${RULE}vfleet\n\n${own.trim()}\n`;
}
