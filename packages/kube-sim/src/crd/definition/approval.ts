import type { ApiObject } from '../../values/json.ts';
import type { Cursor } from '../../builtin/validation/cursor.ts';

const ANNOTATION = 'api-approved.kubernetes.io';
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111';

type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

/** Groups of Kubernetes itself need a sign that somebody approved of the API (apiextensions-apiserver pkg/apihelpers). What an update leaves as it was is not asked again. */
export function checkApproval(definition: Cursor, previous: ApiObject | undefined): void {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(definition.at('spec').at('group').text)) return;
  const annotation = definition.at('metadata').at('annotations').key(ANNOTATION);
  const approval = approvalOf(annotation.text);
  if (previous !== undefined && approvalOf(previous.metadata.annotations?.[ANNOTATION] ?? '') === approval) return;
  if (approval === 'missing') annotation.required(`protected groups must have approval annotation "${ANNOTATION}", ${SEE}`);
  if (approval === 'invalid') annotation.invalid(`protected groups must have approval annotation "${ANNOTATION}" with either a URL or a reason starting with "unapproved", ${SEE}`);
}

function approvalOf(text: string): Approval {
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]+\S*$/.test(text) ? 'approved' : 'invalid';
}
