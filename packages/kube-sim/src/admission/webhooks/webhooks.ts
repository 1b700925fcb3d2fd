import { internalError, StatusError } from '../../errors/status.ts';
import { applyJsonPatch, JsonPatchError, parseJsonPatch } from '../../patch/json-patch.ts';
import type { Registry } from '../../registry/registry.ts';
import { sortedVisit } from '../../store/sorted-map.ts';
import type { Collection } from '../../store/store.ts';
import type { ApiObject } from '../../values/json.ts';
import { equalJson } from '../../values/json.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { callFailure, callWebhook } from './calling.ts';
import type { CallPorts } from './calling.ts';
import { prepareWebhooks } from './configuration.ts';
import type { Webhook, WebhookConfiguration } from './configuration.ts';
import { invocationOf } from './matching.ts';
import type { Invocation } from './matching.ts';
import { refusal } from './review.ts';

const GROUP = 'admissionregistration.k8s.io';
const EXEMPT: readonly string[] = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'];

export interface WebhookPorts extends CallPorts {
  readonly registry: Registry;
}

/** The API server's MutatingAdmissionWebhook: one after the other, by the names of their configurations, then in their order. */
export function mutatingWebhooks(ports: WebhookPorts): AdmissionPlugin {
  const configured = configuredWebhooks(ports, 'mutatingwebhookconfigurations');
  return {
    name: 'MutatingAdmissionWebhook',
    admit(request) {
      const webhooks = configured(request);
      return webhooks.length === 0 ? undefined : mutate(webhooks, request, ports);
    },
  };
}

/** The API server's ValidatingAdmissionWebhook: all at once. */
export function validatingWebhooks(ports: WebhookPorts): AdmissionPlugin {
  const configured = configuredWebhooks(ports, 'validatingwebhookconfigurations');
  return {
    name: 'ValidatingAdmissionWebhook',
    validate(request) {
      const invocations = configured(request).flatMap((webhook) => invocationOf(webhook, request, ports.store, ports.registry) ?? []);
      return invocations.length === 0 ? undefined : validate(invocations, request, ports);
    },
  };
}

/** The webhooks of one kind of configuration, prepared once a configuration. Requests for configurations themselves see none. */
function configuredWebhooks({ store }: WebhookPorts, plural: string): (request: AdmissionRequest) => readonly Webhook[] {
  const prepared = new WeakMap<ApiObject, readonly Webhook[]>();
  let collection: Collection | undefined;
  return ({ resource }) => {
    collection ??= store.collection(`${plural}.${GROUP}`);
    if (collection.objects.size === 0 || (resource.group === GROUP && EXEMPT.includes(resource.kind))) return [];
    const found: Webhook[] = [];
    sortedVisit(collection.objects, '', undefined, (_name, configuration) => {
      let webhooks = prepared.get(configuration);
      if (webhooks === undefined) {
        // What is stored has been decoded by the published schema and validated.
        webhooks = prepareWebhooks(configuration as unknown as WebhookConfiguration);
        prepared.set(configuration, webhooks);
      }
      found.push(...webhooks);
      return true;
    });
    return found;
  };
}

async function validate(invocations: readonly Invocation[], request: AdmissionRequest, ports: WebhookPorts): Promise<undefined> {
  const outcomes = await Promise.allSettled(invocations.map(async (invocation) => {
    const response = await callWebhook(invocation, request, false, ports);
    if (response?.allowed === false) throw refusal(invocation.webhook.spec.name, response.status);
  }));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function mutate(webhooks: readonly Webhook[], request: AdmissionRequest, ports: WebhookPorts): Promise<ApiObject | undefined> {
  const state = { object: request.object, reinvocable: new Set<Webhook>(), again: new Set<Webhook>() };
  for (const webhook of webhooks) await mutateOnce(webhook, request, ports, state);
  // Another round for those that asked for it and were called before somebody else changed the object.
  const again = [...state.again];
  for (const webhook of again) await mutateOnce(webhook, request, ports, state);
  return state.object === request.object ? undefined : state.object;
}

interface MutationState {
  object: ApiObject | undefined;
  /** Called already, and to be called again after a change. */
  readonly reinvocable: Set<Webhook>;
  readonly again: Set<Webhook>;
}

async function mutateOnce(webhook: Webhook, request: AdmissionRequest, ports: WebhookPorts, state: MutationState): Promise<void> {
  const current: AdmissionRequest = state.object === undefined ? request : { ...request, object: state.object };
  const invocation = invocationOf(webhook, current, ports.store, ports.registry);
  if (invocation === undefined) return;
  const { name, reinvocationPolicy } = webhook.spec;
  const response = await callWebhook(invocation, current, true, ports);
  if (response?.allowed === false) throw refusal(name, response.status);
  if (response !== undefined && response.patch !== '') {
    const changed = patched(name, current, response.patch);
    if (!equalJson(changed, state.object)) {
      for (const earlier of state.reinvocable) state.again.add(earlier);
      state.object = changed;
    }
  }
  if (reinvocationPolicy === 'IfNeeded') state.reinvocable.add(webhook);
}

/** The object with a webhook's patch, decoded like a body: pruned, defaulted, frozen. */
function patched(name: string, { resource, object, operation }: AdmissionRequest, text: string): ApiObject {
  const operations = operationsOf(name, text);
  if (operations.length === 0) return object!;
  if (object === undefined || operation === 'DELETE') throw internalError(`admission webhook "${name}" attempted to modify the object, which is not supported for this operation`);
  try {
    return resource.decode(applyJsonPatch(object, operations)).object;
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof StatusError) throw internalError(error.message);
    throw error;
  }
}

function operationsOf(name: string, text: string): ReturnType<typeof parseJsonPatch> {
  try {
    return parseJsonPatch(JSON.parse(text));
  } catch (error) {
    throw callFailure(name, `received undecodable patch in webhook response: ${error instanceof Error ? error.message : String(error)}`);
  }
}
