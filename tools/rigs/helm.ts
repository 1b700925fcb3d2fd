/**
 * Builds helm, once, into a cache folder: the chart is linted, rendered and installed by the program that people use. By hand:
 * `node tools/rigs/helm.ts` does so and prints the folder.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, ensurePrograms, missingPrograms } from "./go-programs.ts";
import type { EnsureOptions, GoModule, GoProgram } from "./go-programs.ts";
import { printEnsured } from "./rig-error.ts";

/** The newest patch of the newest series that asks for no newer Go than Kubernetes 1.34 does (1.24), and speaks to that. */
export const helmVersion = "3.19.5";

const helmPath = "helm.sh/helm/v3";

export function helmDir(env: NodeJS.ProcessEnv = process.env): string {
  return cacheFolder(`helm-${helmVersion}`, env);
}

/** Makes sure that helm is there; its folder. Throws a RigError. */
export async function ensureHelm(options: EnsureOptions = {}): Promise<string> {
  const dir = helmDir();
  await ensurePrograms(dir, [helm], options);
  return dir;
}

/** Whether helm can be run without building anything. */
export async function helmIsBuilt(): Promise<boolean> {
  return (await missingPrograms(helmDir(), [helm])).length === 0;
}

const module: GoModule = {
  name: "helm",
  async write(_go, dir) {
    await writeFile(join(dir, "go.mod"), `module vfleet.invalid/helm\ngo 1.24.0\ngodebug default=go1.24\nrequire ${helmPath} v${helmVersion}\n`);
    // Also the Kubernetes version that a chart is rendered for where there is no cluster.
    return [`${helmPath}/internal/version.version=v${helmVersion}`, `${helmPath}/pkg/lint/rules.k8sVersionMajor=1`, `${helmPath}/pkg/lint/rules.k8sVersionMinor=34`, `${helmPath}/pkg/chartutil.k8sVersionMajor=1`, `${helmPath}/pkg/chartutil.k8sVersionMinor=34`];
  },
};

const helm: GoProgram = {
  name: "helm", version: helmVersion, module,
  source: { package: `${helmPath}/cmd/helm` },
  // "v3.19.5+gabc".
  versionArguments: ["version", "--template={{.Version}}"], versionPattern: /v(\d+\.\d+\.\d+)/,
};

if (import.meta.main) await printEnsured(ensureHelm());
