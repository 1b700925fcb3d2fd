/** From the sources to an image and what is said of it. */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VFLEET_VERSION } from '../../packages/cli/src/version.ts';
import { findCompiler } from '../build-shim.ts';
import { ownArchitecture } from './architecture.ts';
import { basePackages } from './base-packages.ts';
import { EXTERNAL, bundle } from './bundle.ts';
import { licenceReport } from './licences.ts';
import { readNpmPackages } from './npm-packages.ts';
import { imageOf, layerOf, rfc3339, writeArchive } from './oci.ts';
import type { Image } from './oci.ts';
import { provenanceOf } from './provenance.ts';
import { USER, inImage, koffiPackage, stageProgram, stageRuntime } from './root-filesystem.ts';
import { sbomOf } from './sbom.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What manifests call the image, and what containerd calls it. */
export const IMAGE = `vfleet:${VFLEET_VERSION}`;
const FULL_NAME = `docker.io/library/${IMAGE}`;

export interface BuildOptions {
  /** Where the files go. */
  readonly output: string;
  /** A folder with the Debian packages; fetched when absent. */
  readonly base?: string;
  /** Seconds since 1970; default: SOURCE_DATE_EPOCH, else when the commit was made. */
  readonly epoch?: number;
}

export interface BuiltImage {
  /** The OCI layout, as one file. */
  readonly archive: string;
  readonly image: Image;
  /** The same file system as folders, for whoever tries it. */
  readonly rootFilesystem: readonly string[];
}

/** Builds the image; `use` may look at its layers as folders, which are removed afterwards. Throws ImageError. */
export async function buildImage(options: BuildOptions, use: (built: BuiltImage) => Promise<void> = async () => undefined): Promise<BuiltImage> {
  const architecture = ownArchitecture();
  const epoch = options.epoch ?? epochOf(process.env['SOURCE_DATE_EPOCH']) ?? epochOf(git('log', '-1', '--format=%ct')) ?? 0;
  const commit = git('status', '--porcelain') === '' ? git('rev-parse', 'HEAD') : undefined;
  const base = await basePackages(architecture, options.base);
  const code = await bundle();
  const npm = await readNpmPackages(ROOT, [...code.packages, ...[...EXTERNAL, koffiPackage(architecture), `node-linux-${architecture.node}`].map((name) => `node_modules/${name}`)]);
  const licences = licenceReport(await readFile(join(ROOT, 'LICENSE'), 'utf8'), npm, base);
  const stages = await mkdtemp(join(tmpdir(), 'vfleet-image-'));
  try {
    const [runtime, program] = [join(stages, 'runtime'), join(stages, 'program')];
    for (const stage of [runtime, program]) await mkdir(stage);
    await stageRuntime(runtime, architecture, base);
    await stageProgram(program, architecture, code, licences);
    const layers = [await layerOf(runtime, epoch, 'vfleet tools/images: libraries of Debian, Node.js'), await layerOf(program, epoch, 'vfleet tools/images: vfleet')];
    const labels = {
      'org.opencontainers.image.title': 'vfleet', 'org.opencontainers.image.description': 'SR-IOV and kernel-bypass networking for Kubernetes: operator, node and CNI', 'org.opencontainers.image.version': VFLEET_VERSION,
      'org.opencontainers.image.licenses': 'Apache-2.0', 'org.opencontainers.image.created': rfc3339(epoch), ...(commit === undefined ? {} : { 'org.opencontainers.image.revision': commit }),
    };
    const image = imageOf({
      architecture: architecture.oci, epoch, labels, user: `${USER}:${USER}`, environment: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_ENV=production'],
      entrypoint: [inImage.node, '--disable-warning=ExperimentalWarning', inImage.main],
    }, layers);
    await mkdir(options.output, { recursive: true });
    const archive = join(options.output, `vfleet-${VFLEET_VERSION}-${architecture.oci}.oci.tar`);
    const archiveDigest = await writeArchive(archive, image, FULL_NAME, epoch);
    const subjects = [{ name: FULL_NAME, digest: image.manifest.digest }, { name: archive.slice(options.output.length + 1), digest: archiveDigest }];
    const inputs = {
      epoch, base, lockSha256: createHash('sha256').update(await readFile(join(ROOT, 'package-lock.json'))).digest('hex'), node: process.version,
      compiler: spawnSync(findCompiler() ?? '', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '', ...(commit === undefined ? {} : { commit }),
    };
    const beside = { 'sbom.cdx.json': json(sbomOf({ name: 'vfleet', version: VFLEET_VERSION, digest: image.manifest.digest, epoch, npm, base })), 'licences.txt': licences, 'provenance.intoto.json': json(provenanceOf(subjects, inputs)) };
    for (const [name, text] of Object.entries(beside)) await writeFile(join(options.output, name), text);
    const built = { archive, image, rootFilesystem: [runtime, program] };
    await use(built);
    return built;
  } finally {
    await rm(stages, { recursive: true, force: true });
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function epochOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What git says here; undefined where there is no repository, or no git. */
function git(...words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', words, { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
