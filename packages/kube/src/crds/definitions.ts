import {
  networkStatusSchema, nodePolicySpecSchema, nodePolicyStatusSchema, nodeStateAnnotations, nodeStateSpecSchema, nodeStateStatusSchema, operatorConfigSpecSchema,
  operatorConfigStatusSchema, ovsNetworkSpecSchema, poolConfigSpecSchema, poolConfigStatusSchema, schema, sriovIbNetworkSpecSchema, sriovNetworkSpecSchema,
} from '@vfleet/core';
import {
  networkAttachmentDefinitions, nodePolicies, nodeStates, operatorConfigs, ovsNetworks, poolConfigs, sriovIbNetworks, sriovNetworks,
} from '../api/resources.ts';
import type { CustomResourceDefinition, PrinterColumn } from './custom-resource-definition.ts';
import { ageColumn, defineCustomResource } from './define.ts';

/** `kubectl get sriov` lists every kind of ours. */
const categories = ['sriov'];

const readyColumn: PrinterColumn = { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' };
const readyAndAge = [readyColumn, ageColumn];

/** By default what the Go operator shows, name and age; the conditions that it lacks come with `-o wide`. */
const ageAndReadyIfWide: readonly PrinterColumn[] = [ageColumn, { ...readyColumn, priority: 1 }];
const policyColumns: readonly PrinterColumn[] = [
  ageColumn,
  { name: 'Resource', type: 'string', jsonPath: '.spec.resourceName', priority: 1 },
  { name: 'Priority', type: 'integer', jsonPath: '.spec.priority', priority: 1 },
  { name: 'VFs', type: 'integer', jsonPath: '.spec.numVfs', priority: 1 },
  { name: 'Nodes', type: 'integer', jsonPath: '.status.matchedNodes', priority: 1 },
  { name: 'PFs', type: 'integer', jsonPath: '.status.matchedInterfaces', priority: 1 },
  { ...readyColumn, priority: 1 },
];

/** Names as the Go operator prints them; scripts read these columns. */
const nodeStateColumns: readonly PrinterColumn[] = [
  { name: 'Sync Status', type: 'string', jsonPath: '.status.syncStatus' },
  { name: 'Desired Sync State', type: 'string', jsonPath: annotationPath(nodeStateAnnotations.desiredState) },
  { name: 'Current Sync State', type: 'string', jsonPath: annotationPath(nodeStateAnnotations.currentState) },
  ageColumn,
];

function annotationPath(annotation: string): string {
  return `.metadata.annotations.${annotation.replaceAll('.', '\\.')}`;
}

/** Our seven CustomResourceDefinitions (group sriovnetwork.openshift.io), from core's schemas. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return [
    defineCustomResource({
      resource: sriovNetworks, spec: sriovNetworkSpecSchema, status: networkStatusSchema, columns: readyAndAge, categories,
      description: 'A network whose pods get Ethernet VFs; rendered into a NetworkAttachmentDefinition of CNI type sriov.',
    }),
    defineCustomResource({
      resource: sriovIbNetworks, spec: sriovIbNetworkSpecSchema, status: networkStatusSchema, columns: readyAndAge, categories,
      description: 'A network whose pods get InfiniBand VFs; rendered into a NetworkAttachmentDefinition of CNI type ib-sriov.',
    }),
    defineCustomResource({
      resource: ovsNetworks, spec: ovsNetworkSpecSchema, status: networkStatusSchema, columns: readyAndAge, categories,
      description: 'A network whose pods get VFs plugged into Open vSwitch; rendered into a NetworkAttachmentDefinition of CNI type ovs.',
    }),
    defineCustomResource({
      resource: nodePolicies, spec: nodePolicySpecSchema, status: nodePolicyStatusSchema, columns: policyColumns, categories,
      description: 'Which PFs of which nodes get how many VFs, how these are set up, and under which resource name they are advertised.',
    }),
    defineCustomResource({
      resource: nodeStates, spec: nodeStateSpecSchema, specDefault: {}, status: nodeStateStatusSchema, columns: nodeStateColumns, categories,
      description: 'One per node, named like it: what its NICs shall be (rendered from the policies) and what they are. Written by the operator and its daemons only.',
    }),
    defineCustomResource({
      resource: poolConfigs, spec: poolConfigSpecSchema, specDefault: {}, status: poolConfigStatusSchema, columns: ageAndReadyIfWide, categories,
      description: 'Nodes that are drained together, how many of them at once, and what they share.',
    }),
    defineCustomResource({
      resource: operatorConfigs, spec: operatorConfigSpecSchema, specDefault: {}, status: operatorConfigStatusSchema, columns: readyAndAge, categories,
      description: 'Settings of the operator. Only the object named "default" in the operator\'s namespace counts.',
    }),
  ];
}

/** The definition of NetworkAttachmentDefinition (multi-net-spec, Network Plumbing Working Group). Multus may own it: see installCrds. */
export function networkAttachmentDefinitionCrd(): CustomResourceDefinition {
  const spec = schema.object(
    { config: schema.optional(schema.string({ description: 'CNI configuration or configuration list as JSON.' })) },
    { description: 'What the network is.' },
  );
  return defineCustomResource({
    resource: networkAttachmentDefinitions, spec, shortNames: ['net-attach-def'],
    description: 'A network that pods attach to by the annotation k8s.v1.cni.cncf.io/networks.',
  });
}
