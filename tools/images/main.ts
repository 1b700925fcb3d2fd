/**
 * `npm run images [-- --output FOLDER] [-- --base FOLDER]`: builds the image of operator, node and CNI installer for this machine's kind of processor, without a container
 * runtime, with its bill of materials, licences and provenance beside it. Output: .vfleet/images. Docs: docs/images.md.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { IMAGE, buildImage } from './build.ts';
import { ImageError } from './image-error.ts';
import { tryImage } from './trial.ts';
import type { Trial } from './trial.ts';

/** What a node image may weigh, and an operator take. */
const GOALS = { unpackedMb: 200, readyMs: 2_000 };

const print = (line: string) => void process.stdout.write(`${line}\n`);
const mb = (bytes: number) => (bytes / 1e6).toFixed(1);

try {
  const { values } = parseArgs({ options: { output: { type: 'string', default: join(import.meta.dirname, '../../.vfleet/images') }, base: { type: 'string' } } });
  let trial: Trial | undefined;
  const { image, archive } = await buildImage({ output: values.output, ...(values.base === undefined ? {} : { base: values.base }) }, async ({ rootFilesystem }) => {
    trial = await tryImage(rootFilesystem);
  });
  const unpacked = image.layers.reduce((sum, layer) => sum + layer.unpackedBytes, 0);
  print(`${IMAGE}  ${image.manifest.digest}`);
  for (const layer of image.layers) print(`  ${mb(layer.unpackedBytes).padStart(6)} MB, compressed ${mb(layer.bytes.length).padStart(5)} MB  ${layer.createdBy}`);
  print(`  ${mb(unpacked).padStart(6)} MB unpacked (goal: ${GOALS.unpackedMb})`);
  print(trial === undefined ? '  not started: that takes root and mount namespaces' : `  vfleet --version: ${Math.round(trial.versionMs)} ms; operator ready after ${Math.round(trial.operatorReadyMs)} ms beside the embedded API server (goal: ${GOALS.readyMs})`);
  print(`${archive}, with sbom.cdx.json, licences.txt and provenance.intoto.json beside it`);
  if (unpacked > GOALS.unpackedMb * 1e6) throw new ImageError(`The image has ${mb(unpacked)} MB unpacked, and may have ${GOALS.unpackedMb}.`, 'See what has grown.');
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 1;
}
