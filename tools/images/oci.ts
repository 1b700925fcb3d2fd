/**
 * Images by the OCI image specification 1.1, in one archive with what `docker load` of before version 25 reads. GNU tar writes archives in which
 * nothing depends on this machine, as reproducible-builds.org describes it ("Archive metadata").
 */
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ImageError } from './image-error.ts';

/** Bytes with a name by their content. */
export interface Blob {
  readonly mediaType: string;
  /** `sha256:` and hexadecimal digits. */
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface Layer extends Blob {
  /** Digest of what is compressed. */
  readonly diffId: string;
  readonly unpackedBytes: number;
  /** What made it. */
  readonly createdBy: string;
}

export interface ImageConfig {
  readonly architecture: string;
  /** Seconds since 1970: `created` of everything. */
  readonly epoch: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly environment: readonly string[];
}

export interface Image {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Layer[];
}

const types = {
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip', config: 'application/vnd.oci.image.config.v1+json', manifest: 'application/vnd.oci.image.manifest.v1+json', index: 'application/vnd.oci.image.index.v1+json',
} as const;

/** A folder as a layer: sorted, owned by root, all of one age. Its content, modes and links decide alone what comes out. */
export async function layerOf(folder: string, epoch: number, createdBy: string): Promise<Layer> {
  const archive = await tar(folder, epoch);
  const unpackedBytes = archive.length;
  return { ...blobOf(types.layer, gzipSync(archive, { level: 6 })), diffId: digestOf(archive), unpackedBytes, createdBy };
}

export function imageOf({ architecture, epoch, labels, entrypoint, user, environment }: ImageConfig, layers: readonly Layer[]): Image {
  const created = rfc3339(epoch);
  const config = blobOf(types.config, {
    created, architecture, os: 'linux', config: { User: user, Env: environment, Entrypoint: entrypoint, WorkingDir: '/', Labels: labels },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
  });
  const manifest = blobOf(types.manifest, { schemaVersion: 2, mediaType: types.manifest, config: descriptorOf(config), layers: layers.map(descriptorOf), annotations: labels });
  return { manifest, config, layers };
}

/** Writes an image layout as one tar file. `name` is what the image is called, as `docker.io/library/vfleet:1`. Gives the digest of the file. */
export async function writeArchive(path: string, { manifest, config, layers }: Image, name: string, epoch: number): Promise<string> {
  const work = `${path}.layout`;
  await rm(work, { recursive: true, force: true });
  const blobs = join(work, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const pathOf = ({ digest }: Blob) => `blobs/${digest.replace(':', '/')}`;
  try {
    for (const blob of [manifest, config, ...layers]) await writeFile(join(work, pathOf(blob)), blob.bytes, { mode: 0o644 });
    const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.split(':').at(-1) };
    await writeFile(join(work, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await writeFile(join(work, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [{ ...descriptorOf(manifest), annotations }] }));
    await writeFile(join(work, 'manifest.json'), JSON.stringify([{ Config: pathOf(config), RepoTags: [name.replace(/^docker\.io\/library\//, '')], Layers: layers.map(pathOf) }]));
    const archive = await tar(work, epoch);
    await writeFile(path, archive);
    return digestOf(archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

export function descriptorOf({ mediaType, digest, bytes }: Blob): object {
  return { mediaType, digest, size: bytes.length };
}

export function rfc3339(epoch: number): string {
  return new Date(epoch * 1_000).toISOString().replace(/\.000Z$/, 'Z');
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function blobOf(mediaType: string, content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { mediaType, digest: digestOf(bytes), bytes };
}

async function tar(folder: string, epoch: number): Promise<Buffer> {
  const child = spawn('tar', ['--create', '--file=-', `--directory=${folder}`, '--format=ustar', '--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '.'], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  const pieces: Buffer[] = [];
  let said = '';
  child.stdout.on('data', (piece: Buffer) => void pieces.push(piece));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said += text));
  const [status] = (await once(child, 'close').catch((error: Error) => {
    throw new ImageError(`GNU tar cannot be run: ${error.message}.`, 'Install tar.');
  })) as [number | null];
  if (status !== 0) throw new ImageError(`tar has failed: ${said.trim()}.`, 'It takes GNU tar 1.28 or newer, for --sort.');
  return Buffer.concat(pieces);
}
