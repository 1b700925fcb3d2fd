import { validateClient } from '../../admission/webhooks/client-config.ts';
import type { Cursor } from '../../builtin/validation/cursor.ts';
import { dns1035LabelProblems } from '../../values/names.ts';

const REVIEW_VERSIONS: readonly string[] = ['v1', 'v1beta1'];

/** How versions are converted (apiextensions-apiserver pkg/apis/apiextensions/validation, validateCustomResourceConversion). */
export function checkConversion(conversion: Cursor): void {
  if (!conversion.isSet) return;
  conversion.at('strategy').oneOf(['None', 'Webhook']);
  const webhook = conversion.at('webhook');
  // Messages name the fields of Go's internal type, which has no struct between.
  const client = webhook.at('clientConfig').shownAt(`${conversion.path}.webhookClientConfig`);
  const versions = webhook.at('conversionReviewVersions').shownAt(`${conversion.path}.conversionReviewVersions`);
  if (conversion.at('strategy').text !== 'Webhook') {
    if (client.isSet) client.forbidden('should not be set when strategy is not set to Webhook');
    if (versions.items.length > 0) versions.forbidden('should not be set when strategy is not set to Webhook');
    return;
  }
  if (!client.isSet) client.required('required when strategy is set to Webhook');
  else client.errors.push(...validateClient(client.object, client.path));
  checkReviewVersions(versions);
}

function checkReviewVersions(versions: Cursor): void {
  const texts = versions.items.map(({ text }) => text);
  if (texts.length === 0) return versions.required();
  versions.items.forEach((version, index) => {
    if (texts.indexOf(version.text) < index) version.invalid('duplicate version');
    else version.check(dns1035LabelProblems);
  });
  if (!texts.some((text) => REVIEW_VERSIONS.includes(text))) versions.invalid(`must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}
