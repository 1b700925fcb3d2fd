/**
 * Builds Multus, once, into a cache folder, with the manifests of its own installation: clusters have it in front of the CNI plugins of their networks. By hand:
 * `node tools/rigs/multus.ts` does so and prints the folder.
 */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ownArchitecture } from "../images/architecture.ts";
import { imageOf, layerOf, writeArchive } from "../images/oci.ts";
import { cacheFolder, ensurePrograms, goJson, missingPrograms } from "./go-programs.ts";
import type { EnsureOptions, GoModule, GoProgram } from "./go-programs.ts";
import { printEnsured } from "./rig-error.ts";

/** The newest patch that asks for no newer Go than Kubernetes 1.34 does (1.24). */
export const multusVersion = "4.2.4";

const multusPath = "gopkg.in/k8snetworkplumbingwg/multus-cni.v4";

/** As the manifests call it, of the plugin that does all by itself and of the daemon with its shim. */
export const multusImages = { thin: "ghcr.io/k8snetworkplumbingwg/multus-cni:snapshot", thick: "ghcr.io/k8snetworkplumbingwg/multus-cni:snapshot-thick" } as const;
const manifests = { thin: "multus-daemonset.yml", thick: "multus-daemonset-thick.yml" } as const;

export function multusDir(env: NodeJS.ProcessEnv = process.env): string {
  return cacheFolder(`multus-${multusVersion}`, env);
}

/** Makes sure that Multus is there; its folder. Throws a RigError. */
export async function ensureMultus(options: EnsureOptions = {}): Promise<string> {
  await ensurePrograms(multusDir(), programs, options);
  return multusDir();
}

/** The programs that would have to be built. */
export async function missingMultus(): Promise<readonly string[]> {
  return (await missingPrograms(multusDir(), programs)).map(({ name }) => name);
}

/** The manifest of Multus' own installation. */
export function multusManifest(kind: keyof typeof manifests): string {
  return join(multusDir(), manifests[kind]);
}

/** Writes an image like Multus' own, without the base that static programs do without, as an archive of the name that its manifests have. */
export async function writeMultusImage(archive: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "multus-image-"));
  try {
    const bin = join(work, "usr/src/multus-cni/bin");
    await mkdir(bin, { recursive: true });
    for (const name of ["tmp", "etc", "host"]) await mkdir(join(work, name));
    // Where runtimes say that pods' network namespaces are, as every base has it.
    await mkdir(join(work, "var"));
    await symlink("/run", join(work, "var/run"));
    // The daemon asks who it is.
    await writeFile(join(work, "etc/passwd"), "root:x:0:0:root:/:/bin/false\n");
    for (const { name } of programs) await cp(join(multusDir(), name), join(bin, name));
    for (const name of ["install_multus", "thin_entrypoint"]) await cp(join(multusDir(), name), join(work, name));
    const layer = await layerOf(work, 0, "Multus' own image, without a base");
    const config = { architecture: ownArchitecture().oci, epoch: 0, labels: {}, entrypoint: ["/thin_entrypoint"], user: "0", environment: ["PATH=/usr/bin:/bin"] };
    await writeArchive(archive, imageOf(config, [layer]), multusImages.thin, 0);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const module: GoModule = {
  name: "multus",
  async write(go, dir) {
    await writeFile(join(dir, "go.mod"), `module vfleet.invalid/multus\ngo 1.24.11\ngodebug default=go1.24\nrequire ${multusPath} v${multusVersion}\n`);
    const { Dir } = await goJson<{ readonly Dir: string }>(go, dir, ["mod", "download", "-json", `${multusPath}@v${multusVersion}`]);
    // The folder of builds is a folder of the programs' own. Manifests are there before the first program is.
    for (const name of Object.values(manifests)) await writeFile(join(dirname(dirname(dir)), name), await readFile(join(Dir, "deployments", name)));
    return [`${multusPath}/pkg/multus.version=v${multusVersion}`];
  },
};

const programs: readonly GoProgram[] = ["multus", "multus-daemon", "multus-shim", "passthru-cni", "install_multus", "thin_entrypoint"].map((name) => ({
  // Its image and its installer say passthru.
  name: name === "passthru-cni" ? "passthru" : name,
  version: multusVersion, module, source: { package: `${multusPath}/cmd/${name}` }, versionOfModule: multusPath,
}));

if (import.meta.main) await printEnsured(ensureMultus());
