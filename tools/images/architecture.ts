import { ImageError } from './image-error.ts';

/** One kind of processor, as everybody calls it. */
export interface Architecture {
  /** Node's word; also part of names of npm packages. */
  readonly node: 'x64' | 'arm64';
  /** Go's word, which OCI has. */
  readonly oci: 'amd64' | 'arm64';
  readonly debian: 'amd64' | 'arm64';
  /** Where Debian has its libraries, below /lib and /usr/lib. */
  readonly triplet: string;
  /** What executables name as their interpreter. */
  readonly loader: string;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: { node: 'x64', oci: 'amd64', debian: 'amd64', triplet: 'x86_64-linux-gnu', loader: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { node: 'arm64', oci: 'arm64', debian: 'arm64', triplet: 'aarch64-linux-gnu', loader: '/lib/ld-linux-aarch64.so.1' },
};

/** This machine's. Throws {@link ImageError}: what is compiled here runs here, and the image is tried before it is given out. */
export function ownArchitecture(): Architecture {
  const own = Object.hasOwn(ARCHITECTURES, process.arch) ? ARCHITECTURES[process.arch] : undefined;
  if (process.platform !== 'linux' || own === undefined) throw new ImageError(`Images are built on Linux for amd64 and arm64, and this is ${process.platform} on ${process.arch}.`, 'Build them in a virtual machine or a container with Linux.');
  return own;
}
