import type { BasePackage } from './base-packages.ts';

/** What went into a build. */
export interface BuildInputs {
  /** The commit that is checked out; undefined where there is no repository, or where files differ from it. */
  readonly commit?: string;
  /** Seconds since 1970. */
  readonly epoch: number;
  /** SHA-256 of package-lock.json, in hexadecimal digits. */
  readonly lockSha256: string;
  readonly base: readonly BasePackage[];
  /** The compiler of what is written in C, as it names itself. */
  readonly compiler: string;
  readonly node: string;
}

/** A provenance statement of SLSA 1.0 in an in-toto statement of version 1, without a signature: who builds for others signs it with a key of their own. */
export function provenanceOf(subjects: readonly { readonly name: string; readonly digest: string }[], { commit, epoch, lockSha256, base, compiler, node }: BuildInputs): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects.map(({ name, digest }) => ({ name, digest: { sha256: digest.replace('sha256:', '') } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:vfleet:images:1',
        externalParameters: { command: 'npm run images' },
        internalParameters: { SOURCE_DATE_EPOCH: epoch, compiler, node },
        resolvedDependencies: [
          ...(commit === undefined ? [] : [{ name: 'vfleet', digest: { gitCommit: commit } }]),
          { name: 'package-lock.json', digest: { sha256: lockSha256 } },
          ...base.map(({ name, version, sha256 }) => ({ name, uri: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}`, digest: { sha256 } })),
        ],
      },
      runDetails: { builder: { id: 'urn:vfleet:images:local' } },
    },
  };
}
