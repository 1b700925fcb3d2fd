import { BASE } from './base-packages.ts';
import type { BasePackage } from './base-packages.ts';
import type { NpmPackage } from './npm-packages.ts';
import { rfc3339 } from './oci.ts';

/** What an image is made of. */
export interface Contents {
  readonly name: string;
  readonly version: string;
  /** Digest of the image's manifest. */
  readonly digest: string;
  /** Seconds since 1970. */
  readonly epoch: number;
  readonly npm: readonly NpmPackage[];
  readonly base: readonly BasePackage[];
}

/** A bill of materials by CycloneDX 1.6 (ECMA-424): the npm packages of which code is in the image, the runtime among them, and Debian's libraries. */
export function sbomOf({ name, version, digest, epoch, npm, base }: Contents): object {
  const ref = `pkg:oci/${name}@${encodeURIComponent(digest)}`;
  const components = [...npm.map(npmComponent), ...base.map(debianComponent)];
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, serialNumber: `urn:uuid:${uuidOf(digest)}`,
    metadata: {
      timestamp: rfc3339(epoch), lifecycles: [{ phase: 'build' }],
      component: { type: 'container', 'bom-ref': ref, name, version, purl: ref, hashes: [{ alg: 'SHA-256', content: digest.replace('sha256:', '') }], licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components,
    dependencies: [{ ref, dependsOn: components.map((component) => component['bom-ref']) }],
  };
}

function npmComponent({ name, version, licence, integrity }: NpmPackage) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type: 'library', 'bom-ref': purl, name, version, purl, licenses: licencesOf(licence), ...(integrity === undefined ? {} : { hashes: hashesOf(integrity) }) };
}

function debianComponent({ name, version, sha256 }: BasePackage) {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?distro=bookworm`;
  return { type: 'library', 'bom-ref': purl, name, version, purl, licenses: [{ expression: BASE[name].licence }], hashes: [{ alg: 'SHA-256', content: sha256 }] };
}

/** Either identifiers of SPDX or, in lists of one, an expression (CycloneDX 1.6, `licenseChoice`). */
function licencesOf(licence: string): readonly object[] {
  if (/^[A-Za-z0-9.+-]+$/.test(licence)) return [{ license: licence === 'NOASSERTION' ? { name: licence } : { id: licence } }];
  return / (?:AND|OR|WITH) /.test(licence) ? [{ expression: licence }] : [{ license: { name: licence } }];
}

const ALGORITHMS: Readonly<Record<string, string>> = { sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

/** Of subresource integrity (W3C): words of an algorithm, a dash, and Base64. */
function hashesOf(integrity: string): readonly object[] {
  return integrity.split(/\s+/).flatMap((word) => {
    const [algorithm = '', base64 = ''] = /^([a-z0-9]+)-(.+)$/.exec(word)?.slice(1) ?? [];
    return Object.hasOwn(ALGORITHMS, algorithm) ? [{ alg: ALGORITHMS[algorithm], content: Buffer.from(base64, 'base64').toString('hex') }] : [];
  });
}

/** A UUID of version 8 (RFC 9562), so that the same image has the same one. */
function uuidOf(digest: string): string {
  const hex = digest.replace('sha256:', '').slice(0, 32).split('');
  hex[12] = '8';
  hex[16] = 'a';
  return hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
