import type { Resource } from '@vfleet/core';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IReplicaSet } from 'kubernetes-models/apps/v1/ReplicaSet';
import type { IJob } from 'kubernetes-models/batch/v1/Job';
import type { IMutatingWebhookConfiguration } from 'kubernetes-models/admissionregistration.k8s.io/v1/MutatingWebhookConfiguration';
import type { IValidatingWebhookConfiguration } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration';
import type { ISecret } from 'kubernetes-models/v1/Secret';
import type { IService } from 'kubernetes-models/v1/Service';
import type { IServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { Stored } from './resources.ts';

export type DaemonSet = Stored<IDaemonSet>;
export type Deployment = Stored<IDeployment>;
export type ReplicaSet = Stored<IReplicaSet>;
export type Job = Stored<IJob>;
export type ServiceAccount = Stored<IServiceAccount>;
export type Secret = Stored<ISecret>;
export type Service = Stored<IService>;
export type MutatingWebhookConfiguration = Stored<IMutatingWebhookConfiguration>;
export type ValidatingWebhookConfiguration = Stored<IValidatingWebhookConfiguration>;

export const daemonSets: Resource<DaemonSet> = { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet', namespaced: true };
export const deployments: Resource<Deployment> = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
export const replicaSets: Resource<ReplicaSet> = { group: 'apps', version: 'v1', plural: 'replicasets', kind: 'ReplicaSet', namespaced: true };
export const jobs: Resource<Job> = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true };
export const serviceAccounts: Resource<ServiceAccount> = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
export const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
export const services: Resource<Service> = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };

const registration = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false };
export const mutatingWebhookConfigurations: Resource<MutatingWebhookConfiguration> = { ...registration, plural: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration' };
export const validatingWebhookConfigurations: Resource<ValidatingWebhookConfiguration> = { ...registration, plural: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' };
