import { join } from 'node:path';
import type { FleetSpec } from '@vfleet/hw-sim';
import { parseFleet } from '@vfleet/hw-sim';
import { CliFailure } from '../../failure.ts';
import { readDocuments } from '../../manifests.ts';
import type { UpOptions } from './command.ts';
import { examplesFolder } from './demo.ts';

/** The fleet that was asked for: a file, a number of nodes that are alike, or the demo's. */
export function loadFleet(options: Pick<UpOptions, 'nodes' | 'fleet'>): FleetSpec {
  if (options.fleet !== undefined && options.nodes !== undefined) throw new CliFailure('--nodes and --fleet exclude each other', 'Use `count` in the fleet file for many nodes that are alike.', 2);
  if (options.nodes !== undefined) return parsed(alikeNodes(options.nodes), '--nodes');
  const path = options.fleet ?? join(examplesFolder(), 'demo', 'fleet.yaml');
  const documents = readDocuments(path);
  if (documents.length !== 1) throw new CliFailure(`${path} holds ${documents.length} YAML documents`, 'A fleet is one document with a list `nodes`.');
  return parsed(documents[0], path);
}

function alikeNodes(count: number): unknown {
  return {
    nodes: [
      {
        name: 'node',
        count,
        labels: { 'feature.node.kubernetes.io/network-sriov.capable': 'true' },
        pfs: [
          { personality: 'E810-CQDA2', pciAddress: '0000:81:00.0', name: 'ens801f0' },
          { personality: 'E810-CQDA2', pciAddress: '0000:81:00.1', name: 'ens801f1' },
        ],
      },
    ],
  };
}

function parsed(value: unknown, path: string): FleetSpec {
  const fleet = parseFleet(value);
  if (fleet.ok) return fleet.value;
  const lines = fleet.error.map((problem) => `  ${problem.path}: ${problem.cause}${problem.remedy === '' ? '' : ` — ${problem.remedy}`}`);
  throw new CliFailure(`${path} describes no fleet:\n${lines.join('\n')}`, 'examples/README.md shows fleets; docs/reference/fleet.md lists every field.');
}
