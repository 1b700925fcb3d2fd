/**
 * A registry of container images on this machine that knows one image and serves it under every name: a static busybox with a shell,
 * made in memory. So manifests run as they are written, whatever image they name, and nothing is fetched from anywhere.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { arch } from "node:process";

export interface ImageRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  close(): Promise<void>;
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** What scripts of tests use. */
const applets = ["sh", "ash", "cat", "echo", "env", "grep", "ip", "ls", "mkdir", "ping", "rm", "sleep", "test", "touch", "true", "wc"];

/** bash is not part of busybox, and manifests name it. `pause` keeps a pod's namespaces and ends when it is told to. */
const scripts = {
  "bin/bash": '#!/bin/sh\nexec /bin/sh "$@"\n',
  pause: "#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 3600 & wait $!; done\n",
};

/** Serves until it is closed, on 127.0.0.1 (OCI distribution specification 1.1, "Pull"). */
export async function startImageRegistry(busyboxPath: string): Promise<ImageRegistry> {
  const { manifest, blobs } = imageOf(await readFile(busyboxPath));
  const server = createServer((request, response) => {
    // The query says which registry is stood in for, and all have the same image.
    const path = (request.url ?? "").replace(/\?.*$/, "");
    const [kind, reference = ""] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(path)?.slice(1) ?? [];
    const found = kind === "manifests" && (!reference.startsWith("sha256:") || reference === manifest.digest) ? manifest : kind === "blobs" ? blobs.find(({ digest }) => digest === reference) : undefined;
    if (path === "/v2/") response.writeHead(200).end();
    else if (found === undefined) response.writeHead(404).end();
    else {
      response.writeHead(200, { "content-type": found.mediaType, "content-length": found.bytes.length, "docker-content-digest": found.digest });
      response.end(request.method === "HEAD" ? undefined : found.bytes);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close, [Symbol.asyncDispose]: close };
}

/** Of the names that Go and OCI have for processors. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** An image by the OCI image specification 1.1: one layer, not compressed. */
function imageOf(busybox: Buffer): { readonly manifest: Blob; readonly blobs: readonly Blob[] } {
  const layer = blobOf("application/vnd.oci.image.layer.v1.tar", layerOf(busybox));
  const config = blobOf("application/vnd.oci.image.config.v1+json", {
    architecture: architectures[arch] ?? arch, os: "linux",
    config: { Cmd: ["/pause"], Env: ["PATH=/bin"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    history: [{ created_by: "vfleet" }],
  });
  const manifest = blobOf("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: descriptorOf(config), layers: [descriptorOf(layer)],
  });
  return { manifest, blobs: [config, layer] };
}

function blobOf(mediaType: string, content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { mediaType, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes };
}

function descriptorOf({ mediaType, digest, bytes }: Blob): object {
  return { mediaType, digest, size: bytes.length };
}

function layerOf(busybox: Buffer): Buffer {
  const folders = ["bin", "dev", "etc", "proc", "sys", "tmp"].map((name) => tarEntry(`${name}/`, "5", 0o755));
  const links = applets.map((name) => tarEntry(`bin/${name}`, "2", 0o777, Buffer.alloc(0), "busybox"));
  const files = Object.entries(scripts).map(([name, text]) => tarEntry(name, "0", 0o755, Buffer.from(text)));
  return Buffer.concat([...folders, tarEntry("bin/busybox", "0", 0o755, busybox), ...links, ...files, Buffer.alloc(1_024)]);
}

/** One entry of a tar archive in the format of POSIX.1-1988 (ustar). */
function tarEntry(name: string, type: "0" | "2" | "5", mode: number, content: Buffer = Buffer.alloc(0), link = ""): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  const fields: readonly (readonly [number, string])[] = [
    [0, name], [100, octal(mode, 7)], [108, octal(0, 7)], [116, octal(0, 7)], [124, octal(content.length, 11)], [136, octal(0, 11)],
    // The sum is taken with spaces in its own place.
    [148, " ".repeat(8)], [156, type], [157, link], [257, "ustar\u{0}00"],
  ];
  for (const [offset, text] of fields) header.write(text, offset, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
