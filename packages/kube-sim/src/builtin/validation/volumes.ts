import { dnsLabelProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';
import { checkFieldReference, checkResourceReference } from './environment.ts';

const MODE_TEXT = 'must be a number between 0 and 0777 (octal), both inclusive';
const MODE_MAX = 0o777;
const HOST_PATH_TYPES: readonly string[] = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const TOKEN_SECONDS_MIN = 600;
const VOLUME_FIELD_PATHS: readonly string[] = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

/** The sources whose content is looked at here; others are only counted. */
const SOURCES: Readonly<Record<string, (source: Cursor) => void>> = {
  hostPath: checkHostPath,
  secret: (secret) => {
    if (secret.at('secretName').text === '') secret.at('secretName').required();
    checkFiles(secret);
  },
  configMap: (map) => {
    if (map.at('name').text === '') map.at('name').required();
    checkFiles(map);
  },
  downwardAPI: checkDownwardApi,
  projected: checkProjected,
  persistentVolumeClaim: (claim) => {
    if (claim.at('claimName').text === '') claim.at('claimName').required();
  },
  csi: (csi) => {
    if (csi.at('driver').text === '') csi.at('driver').required();
  },
  nfs: (nfs) => {
    if (nfs.at('server').text === '') nfs.at('server').required();
    if (nfs.at('path').text === '') nfs.at('path').required();
  },
};

/** The order in which the real server looks for sources, which decides which of two is the one too many. */
const ORDER: readonly string[] = [
  'emptyDir', 'hostPath', 'gitRepo', 'gcePersistentDisk', 'awsElasticBlockStore', 'secret', 'nfs', 'iscsi', 'glusterfs', 'flocker', 'persistentVolumeClaim', 'rbd', 'cinder', 'cephfs',
  'quobyte', 'downwardAPI', 'fc', 'flexVolume', 'configMap', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'storageos', 'projected', 'scaleIO', 'csi', 'ephemeral', 'image',
];

/** Checks volumes and gives the names of the sound ones. */
export function checkVolumes(volumes: Cursor): ReadonlySet<string> {
  const sound = new Set<string>();
  for (const volume of volumes.items) {
    const before = volume.errors.length;
    checkSource(volume);
    const name = volume.at('name');
    if (name.text === '') name.required();
    else name.check(dnsLabelProblems);
    if (sound.has(name.text)) name.duplicate();
    if (volume.errors.length === before) sound.add(name.text);
  }
  return sound;
}

function checkSource(volume: Cursor): void {
  const found = ORDER.filter((kind) => volume.at(kind).isSet);
  found.forEach((kind, index) => {
    if (index > 0) volume.at(kind).forbidden('may not specify more than 1 volume type');
    else SOURCES[kind]?.(volume.at(kind));
  });
  if (found.length === 0) volume.required('must specify a volume type');
}

function checkHostPath(source: Cursor): void {
  const path = source.at('path');
  if (path.text === '') {
    path.required();
    return;
  }
  checkNoBacksteps(path);
  const type = source.at('type');
  if (!HOST_PATH_TYPES.includes(type.text)) type.notSupported(HOST_PATH_TYPES, type.text);
}

function checkMode(mode: Cursor): void {
  if (mode.number !== undefined && (mode.number < 0 || mode.number > MODE_MAX)) mode.invalid(MODE_TEXT);
}

function checkFiles(source: Cursor): void {
  checkMode(source.at('defaultMode'));
  for (const item of source.at('items').items) checkKeyToPath(item);
}

function checkKeyToPath(item: Cursor): void {
  if (item.at('key').text === '') item.at('key').required();
  if (item.at('path').text === '') item.at('path').required();
  checkLocalPath(item.at('path'));
  checkMode(item.at('mode'));
}

export function checkNoBacksteps(path: Cursor): void {
  if (path.text.split('/').includes('..')) path.invalid("must not contain '..'");
}

/** A path below the mount: not absolute, not upwards. */
export function checkDescendingPath(path: Cursor): void {
  if (path.text.startsWith('/')) path.invalid('must be a relative path');
  checkNoBacksteps(path);
}

function checkLocalPath(path: Cursor): void {
  checkDescendingPath(path);
  if (path.text.startsWith('..') && !path.text.startsWith('../')) path.invalid("must not start with '..'");
}

function checkDownwardApi(source: Cursor): void {
  checkMode(source.at('defaultMode'));
  for (const item of source.at('items').items) checkDownwardFile(item, source);
}

/** Faults of a file are reported at the source, as the real server has it. */
function checkDownwardFile(item: Cursor, source: Cursor): void {
  const at = (key: string) => item.at(key).shownAt(`${source.path}.${key}`);
  if (item.at('path').text === '') at('path').required();
  checkLocalPath(at('path'));
  const field = item.at('fieldRef').isSet;
  const resource = item.at('resourceFieldRef').isSet;
  if (field) {
    checkFieldReference(at('fieldRef'), VOLUME_FIELD_PATHS);
    if (resource) source.invalid('fieldRef and resourceFieldRef can not be specified simultaneously', 'resource');
  } else if (resource) checkResourceReference(at('resourceFieldRef'), true);
  else source.required('one of fieldRef and resourceFieldRef is required');
  checkMode(at('mode'));
}

function checkProjected(source: Cursor): void {
  checkMode(source.at('defaultMode'));
  for (const projection of source.at('sources').items) {
    const found = ['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle', 'podCertificate'].filter((kind) => projection.at(kind).isSet);
    for (const kind of ['secret', 'configMap']) {
      const named = projection.at(kind);
      if (!named.isSet) continue;
      if (named.at('name').text === '') named.at('name').required();
      for (const item of named.at('items').items) checkKeyToPath(item);
    }
    if (projection.at('downwardAPI').isSet) for (const item of projection.at('downwardAPI').at('items').items) checkDownwardFile(item, projection.at('downwardAPI'));
    if (projection.at('serviceAccountToken').isSet) checkToken(projection.at('serviceAccountToken'), source);
    if (found.length > 1) projection.forbidden('may not specify more than 1 volume type per source');
  }
}

function checkToken(token: Cursor, source: Cursor): void {
  const expiration = token.at('expirationSeconds');
  const seconds = expiration.number ?? 0;
  if (seconds < TOKEN_SECONDS_MIN) expiration.invalid('may not specify a duration less than 10 minutes');
  if (seconds > 2 ** 32) expiration.invalid('may not specify a duration larger than 2^32 seconds');
  if (token.at('path').text === '') source.at('path').required();
}

export function checkVolumeMounts(mounts: Cursor, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  for (const mount of mounts.items) {
    const name = mount.at('name');
    const path = mount.at('mountPath');
    if (name.text === '') name.required();
    if (!volumes.has(name.text)) name.notFound();
    if (path.text === '') path.required();
    if (paths.has(path.text)) path.invalid('must be unique');
    paths.add(path.text);
    // The real server leaves the index out here.
    if (mount.at('subPath').text !== '') checkDescendingPath(mount.at('subPath').shownAt(`${mounts.path}.subPath`));
    if (mount.at('subPathExpr').text !== '') {
      if (mount.at('subPath').text !== '') mount.at('subPathExpr').invalid('subPathExpr and subPath are mutually exclusive');
      checkDescendingPath(mount.at('subPathExpr').shownAt(`${mounts.path}.subPathExpr`));
    }
    const propagation = mount.at('mountPropagation');
    if (propagation.isSet && !['Bidirectional', 'HostToContainer', 'None'].includes(propagation.text)) propagation.notSupported(['Bidirectional', 'HostToContainer', 'None']);
  }
}
