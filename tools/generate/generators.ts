import { apiReference } from './api-reference.ts';
import { chart } from './chart/chart.ts';
import { cliReference } from './cli-reference.ts';
import { conditionsReference } from './conditions-reference.ts';
import { crdManifests } from './crd-manifests.ts';
import { crdReference } from './crd-reference.ts';
import { errorReference } from './error-reference.ts';
import { fleetReference } from './fleet-reference.ts';
import type { Generator } from './generator.ts';
import { installManifest } from './install-manifest.ts';
import { kubernetesReference } from './kubernetes-reference.ts';
import { machineDiagrams } from './machine-diagrams.ts';
import { monitoring } from './monitoring.ts';
import { rightsReference } from './rights-reference.ts';
import { simulationGuide } from './simulation-guide.ts';
import { machineTables } from './machine-tables.ts';
import { trafficReference } from './traffic-reference.ts';

/** Everything that `npm run generate` writes. Add a generator here and its files are written and verified. */
export const generators: readonly Generator[] = [crdManifests, crdReference, fleetReference, kubernetesReference, machineDiagrams, machineTables, trafficReference, simulationGuide, installManifest, monitoring, chart, cliReference, conditionsReference, errorReference, rightsReference, apiReference];
