/** The full name under which a runtime knows an image: `busybox` is docker.io/library/busybox:latest (distribution reference). */
export function imageNameOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const full = hasRegistry ? image : slash < 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
  const name = full.slice(full.lastIndexOf('/') + 1);
  return name.includes(':') || name.includes('@') ? full : `${full}:latest`;
}

/** A made-up but stable digest: equal names have equal content here. */
export function imageIdOf(image: string): string {
  const full = imageNameOf(image);
  const at = full.indexOf('@');
  if (at >= 0) return full;
  const repository = full.slice(0, full.lastIndexOf(':'));
  return `${repository}@sha256:${digest(full)}`;
}

/** Bytes, also made up: between 2 and 130 MB. */
export function imageSizeBytes(image: string): number {
  return 2_000_000 + (parseInt(digest(imageNameOf(image)).slice(0, 8), 16) % 128_000_000);
}

function digest(text: string): string {
  let hex = '';
  for (let word = 0; word < 8; word++) {
    let hash = 0x811c9dc5 ^ Math.imul(word + 1, 0x9e3779b9);
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    hex += (hash >>> 0).toString(16).padStart(8, '0');
  }
  return hex;
}
